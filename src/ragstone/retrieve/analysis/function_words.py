"""Function words by language: they tell in which language a text is, and they say nothing of what it is about.

Written for this project: articles, pronouns, prepositions, conjunctions, auxiliary verbs and question words, no
content words. Lists at hand elsewhere count "system", "problem" and "state" among English stop words; dropping those
from a question loses what it asks. ISO 639-1 codes; words are casefolded, with their accents.
"""

_LATIN = {
    "af": "die het is nie en van in om vir met wat dat sy hy hulle ons ek jy aan op sal kan word was deur ook"
    " 'n as dit nog maar of uit by hoe waar wie wanneer waarom",
    "ca": "el la els les un una uns unes de del dels d l i o en amb per que què és són era ser està va van ha"
    " han hi ho no més com quan on qui quin quina quins al als aquest aquesta aquests seu seva seus però"
    " si també entre sobre fins des perquè molt jo tu ell ella nosaltres es em et li",
    "cs": "a i o u v ve na se si s z ze k ke do od po pro při pod nad za před je jsou byl byla bylo byli být"
    " jsem jsi jako jak co kdo kdy kde který která které že když ale nebo tak také už jen to ten ta ty ti"
    " toto této jeho její jejich není aby či až by než kolik proč",
    "da": "en et den det de og i på at er var som til af for med ikke der han hun jeg vi du om fra har havde"
    " kan vil skal blev bliver være men eller hvad hvor hvem hvornår hvordan hvilken hvilket hvilke"
    " hvorfor ved under over også efter sig sin sit deres dette denne disse når mange",
    "de": "der die das den dem des ein eine einen einem einer eines und oder aber in im an am auf aus bei beim"
    " mit nach von vom zu zum zur für über unter vor durch um ist sind war waren wird werden wurde wurden"
    " sein hat haben hatte hatten kann können soll muss müssen nicht kein keine auch als wie was wer wen"
    " wem wann wo warum wieso welche welcher welches welchen welchem es er sie ich du wir ihr man sich so"
    " dass wenn weil ob noch nur dieser diese dieses diesem diesen seine seiner seinen seinem ihre ihrer"
    " ihren ihrem mein dein unser da dort hier gibt bis wieviel viele viel ja nein mir mich dir dich uns"
    " ihn ihm euch daß sehr mehr denn doch",
    "en": "a an and are as at be been being but by can could did do does doing for from had has have having he"
    " her hers him his how i if in into is it its itself me my no not of on or our ours she should so some"
    " such than that the their theirs them then there these they this those through to too up us was we"
    " were what when where which while who whom whose why will with would you your yours s t d ll m re ve"
    " am about also any because dont doesnt didnt isnt arent wasnt werent cant couldnt wont wouldnt"
    " shouldnt havent hasnt hadnt",
    "eo": "la kaj en de al estas estis estos por kun sur el ne ke kiu kio kiam kie kiel kial kiom ĝi li ŝi mi"
    " vi ni ili sed aŭ ankaŭ ol ĝis tiu ĉi pri per inter post antaŭ kiuj tiuj si oni sia jes",
    "es": "el la los las lo un una unos unas de del al a y e o u en con por para sin sobre entre hasta desde"
    " hacia que qué es son era eran fue fueron ser está están estaba ha han había he hay no sí se su sus"
    " mi mis tu tus me te le les nos como cómo cuando cuándo donde dónde quien quién quienes quiénes cual"
    " cuál cuales cuáles cuánto cuánta cuántos cuántas cuanto este esta esto estos estas ese esa eso esos"
    " esas aquel aquella pero si más muy ya también porque yo tú él ella ello ellos ellas nosotros usted"
    " ustedes tiene tienen puede pueden durante según ante tras",
    "et": "ja on ei et see oli kui mis kes ka ning või aga oma ta nad me te ma sa mille kus millal miks kuidas"
    " selle seda need neid olid olla pole veel kas nii siis mida kelle palju üle pärast enne ole tema"
    " nende",
    "eu": "eta da du ez bat zen dira zuen ziren baina ere hau hori duen dute baino edo zer nor noiz non nola"
    " zein zergatik izan dago daude bere bezala gabe arte dela izango zuten egin diren ditu zituen zenbat"
    " hura",
    "fi": "ja on ei se että oli ovat olivat mutta tai kun kuin myös joka jotka mikä mitä missä milloin miksi"
    " miten kuka ketkä mistä mihin minkä hän he me te minä sinä tämä nämä ne ole olla jos niin sen sitä"
    " jossa joita jonka siitä siihen vain ennen jälkeen kanssa kuinka onko eivät ollut sekä vai hänen"
    " heidän",
    "fr": "le la les l un une des de du d au aux et ou en dans sur sous avec sans pour par entre vers chez que"
    " qu qui quoi quel quelle quels quelles où quand comment pourquoi combien est sont était étaient été"
    " être fut furent a ont avait avaient avoir ai as il elle ils elles on nous vous je j tu me m te t se"
    " s ce c cet cette ces ça cela son sa ses leur leurs mon ma mes ton ta tes notre nos votre vos ne n"
    " pas plus mais si comme aussi y donc lui dont ni depuis peut peuvent fait très lorsque lorsqu puisqu"
    " jusqu quelqu",
    "ga": "an na is agus ar i ag go le do a tá bhí ní don den sa as faoi chun ach nó mar sé sí siad mé tú é iad"
    " cad cé conas cathain cén bhfuil ina leis atá sin seo gur nach raibh bheith ó roimh",
    "gl": "o a os as un unha uns unhas de do da dos das e ou en no na nos nas con por para que é son foi ser"
    " está non máis como cando onde quen cal ao aos á ás pero tamén seu súa seus súas este esta entre"
    " sobre ata desde xa hai",
    "hr": "i u je su se na da za od do s sa o kao što koji koja koje kako gdje gde tko ko kada zašto nije nisu"
    " bio bila bilo bili biti ili ali ako jer ovo ova ovaj to taj te ta ti on ona oni iz po pri nakon"
    " prije samo sam smo ste će bi više već koliko njegov njihov kojem kojoj kojih",
    "hu": "a az és egy nem is hogy de ha van volt voltak vagy ez azt ezt mint csak már még meg el ki mi mit kit"
    " hol mikor miért hogyan melyik milyen hány mennyi lesz lehet után előtt között alatt szerint ami aki"
    " amely ezek azok neki ők én te ön fel pedig illetve mely kell",
    "id": "yang dan di ke dari untuk dengan pada adalah ini itu tidak atau oleh dalam akan telah sudah juga"
    " sebagai karena saya anda kamu kami kita mereka dia ia apa siapa kapan mana bagaimana mengapa berapa"
    " bisa dapat ada lebih bagi tetapi jika agar saat setelah sebelum para seperti antara tersebut kepada",
    "is": "og að í er á til sem ekki við með um það þar hann hún en var frá af fyrir ég þú þeir þau hvað hver"
    " hvernig hvar hvenær hafa voru eru úr eftir þetta þessi eða ef svo vera hafði",
    "it": "il lo la i gli le l un uno una di del dello della dei degli delle d a al allo alla ai agli alle da"
    " dal dalla dai dalle in nel nello nella nei negli nelle con su sul sulla sui sulle per tra fra e ed o"
    " che chi cui è sono era erano fu essere stato stata ha hanno aveva non si se come quando dove perché"
    " quale quali quanto quanta quanti quante cosa questo questa questi queste quello quella suo sua suoi"
    " sue loro io tu lui lei noi voi mi ti ci vi ne ma anche più dell all nell sull dall quest quell c",
    "lt": "ir yra kad su į iš ne tai bet o ar kaip kas ką kur kada kodėl kuris kuri kurie per po prie nuo apie"
    " buvo būti jis ji jie jo jos jų mes jūs aš tu šis ši šie taip pat dėl už jei kiek savo turi tarp iki"
    " nėra bus",
    "lv": "un ir ka ar no uz par kas ko kur kad kā kāpēc kāds kāda bet vai arī tas tā tie šis šī viņš viņa es"
    " tu mēs jūs nav bija būt pēc pirms līdz pie kurš kura kuri pa lai gan jo ja savu cik starp",
    "nl": "de het een en of in op aan van voor met bij naar uit over door tot om te is zijn was waren wordt"
    " worden werd werden heeft hebben had kan kunnen zal moet niet geen ook als dan dat die dit deze wat"
    " wie waar wanneer waarom hoe welke welk hij zij ze ik je jij u we wij hun haar hem er maar nog meer"
    " na onder tussen tegen zich zo hoeveel mijn ons onze jullie mag",
    "no": "en et den det de og i på at er var som til av for med ikke der han hun jeg vi du om fra har hadde"
    " kan vil skal ble blir være men eller hva hvor hvem når hvordan hvilken hvilket hvilke hvorfor ved"
    " under over også etter seg sin sitt deres dette denne disse ei mange",
    "pl": "i a w we z ze na do od po za przed przy pod nad dla przez o u oraz lub ale czy że jak jako jest są"
    " był była było byli być nie się to ten ta te tego tej tym co kto kogo kiedy gdzie dlaczego który"
    " która które których którym ile jaki jaka jakie jego jej ich ja ty on ona my wy oni już tylko także"
    " też może gdy aby został została mnie",
    "pt": "o a os as um uma uns umas de do da dos das e ou em no na nos nas num numa com por pelo pela pelos"
    " pelas para sem sob sobre entre até desde que quê é são era eram foi foram ser está estão estava ter"
    " tem têm tinha há não sim se seu sua seus suas meu minha como quando onde quem qual quais quanto"
    " quanta quantos quantas porque este esta isto estes estas esse essa isso aquele aquela mas mais muito"
    " já também eu tu ele ela eles elas nós você vocês ao aos à às lhe me te pode podem",
    "ro": "și în la de cu pe din pentru este sunt era erau a fi fost că ce cine când unde cum care câți câte"
    " cât nu mai sau dar dacă un o una unei unui al ale ai le se să îl își prin după între până către"
    " despre lui ei lor el ea noi voi eu tu acest această aceste acestea am au are avea ca fără sub asupra"
    " iar decât",
    "sk": "a i o u v vo na sa si s so z zo k ku do od po pre pri pod nad za pred je sú bol bola bolo boli byť"
    " som ako čo kto kedy kde ktorý ktorá ktoré že keď ale alebo tak tiež už len to ten tá tie toto jeho"
    " jej ich nie aby či až by než koľko prečo",
    "sl": "in je v na za s z se da so ki kot pri od do po o iz pa ni bil bila bilo bili biti ali če kaj kdo kje"
    " kdaj kako zakaj kateri katera katero kolik koliko to ta ti tega njegov njihov še že tudi med pred"
    " lahko ne jih ga",
    "sq": "dhe e të në i me për nga një është që nuk ka më si ku kur kush çfarë pse cili cila ose por edhe janë"
    " ishte kanë do ky kjo këto ai ajo ata unë ti ne ju se s sa pas para deri mbi",
    "st": "ea e ba le ho ke ka ha hore sa tsa ya wa la mme empa kapa hape o re bona rona lona eng mang kae neng"
    " jwang hobane haholo tse yo eo ena hae bane ne",
    "sv": "en ett den det de och i på att är var som till av för med inte där han hon jag vi du om från har"
    " hade kan vill ska skall blev blir vara men eller vad vem när hur vilken vilket vilka varför vid"
    " under över också efter sig sin sitt deras detta denna dessa man så hos ut upp många",
    "sw": "ya na wa kwa ni katika la za cha kuwa hii hiyo huu huo hizo hizi yake wake lakini au kama si hapana"
    " nini nani wapi lini vipi kwamba alikuwa walikuwa ilikuwa pia sana bila baada kabla mimi wewe yeye"
    " sisi wao gani",
    "tl": "ang ng sa na mga ay at si ni kay hindi ito iyon siya sila ako ikaw kami tayo kayo ano sino saan"
    " kailan bakit paano ilan may mayroon para kung o pero dahil din rin nang noong isang kanyang kanilang",
    "tr": "ve bir bu da de için ile mi mı mu mü ne kim nerede nasıl neden niçin hangi kaç gibi olarak olan oldu"
    " olduğu daha çok en ama veya ya ki ise değil var yok o şu ben sen biz siz onlar kadar sonra önce göre"
    " tarafından her zaman idi ancak hem nedir kimdir üzerinde arasında bunu",
    "vi": "là của và các có được trong cho không một những với này đã để người từ khi đến về như ở ra tại vào"
    " hay hoặc nhưng nếu thì cũng rất bị bởi sẽ đang gì ai đâu nào sao bao nhiêu thế tôi bạn anh chị họ nó"
    " chúng ta vì do theo trên dưới sau trước giữa mà",
}

_CYRILLIC = {
    "be": "і ў у на з не што як гэта да па для ад або але быў была было былі ёсць яго яе іх ён яна яны мы вы я"
    " хто дзе калі чаму які якая якое якія пра за пры таксама колькі",
    "bg": "и в на с със от за не се че да е са по като но или до при след преди тя той те ние вие аз това този"
    " тази тези какво кой коя кои кога къде как защо колко беше бяха бил била били ще си му ѝ им които"
    " който която което още само също между",
    "mk": "и во на со од за не се дека да е по како но или до при пред тој таа тие ние вие јас ова овој оваа"
    " овие што кој која кои кога каде зошто колку беше биле ќе си му им кое само исто меѓу",
    "ru": "и в во на с со к ко о об от до по за из у не ни что кто как где когда почему зачем какой какая какое"
    " какие который которая которое которые которого которых это этот эта эти этого для при или но а же ли"
    " бы был была было были быть есть его её ее их он она оно они мы вы я ты мне меня нас вас ему ей им"
    " так также уже только если чем под над перед между через сколько чтобы нет да",
    "sr": "и у је су се на да за од до с са о као што који која које како где ко када зашто није нису био била"
    " било били бити или али ако јер ово ова овај то тај те та ти он она они из по при након пре само сам"
    " смо сте ће би више већ колико",
    "uk": "і й та в у на з із зі до від по за не що як це для при або але був була було були бути є його її їх"
    " він вона воно вони ми ви я ти мені хто де коли чому який яка яке які якого яких також вже тільки"
    " якщо чи під над перед між через скільки щоб ні цей ця ці цього про",
}

_OTHER = {
    "ar": "في من على إلى عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم كان كانت يكون أن إن أو و ما ماذا متى"
    " أين كيف لماذا هل كم لا لم لن قد بعد قبل بين كل عند حتى ثم أي غير كما لكن منذ أنا نحن أنت",
    "el": "ο η το οι τα του της των τον την τους τις και να με σε για από που ότι είναι ήταν δεν θα στο στη"
    " στην στον στα στις στους ένα μια μία ένας ως αλλά ή αν τι ποιος ποια ποιο ποιοι πότε πού πώς γιατί"
    " πόσο πόσα πόσοι μετά πριν κατά προς μου σου μας σας αυτό αυτή αυτός αυτά όπως έχει έχουν είχε",
    "fa": "و در به از که این آن را با است برای یک بود شد شده می های ها تا بر هم نیز یا اما چه چرا چگونه کجا کی"
    " چند کدام آیا من تو او ما شما آنها بودند هستند نیست پس اگر هر خود دارد کرد باید",
    "he": "של את על לא זה זאת זו הוא היא הם הן אני אתה אנחנו עם כי אם או גם כל מה מי איפה מתי איך למה מדוע כמה"
    " איזה היה היתה הייתה היו יש אין אל אך רק עוד בין לפני אחרי כדי אשר עד",
    "hi": "का के की में है हैं था थे थी को से और पर ने कि यह वह ये वे एक भी नहीं क्या कौन कब कहाँ कहां कैसे"
    " क्यों कितने कितना कितनी किस किसने जो तो हो ही लिए गया गई गए कर द्वारा या अपने इस उस साथ बाद तक मैं"
    " हम आप",
    "hy": "և է են էր էին մեջ որ որը որի ու իր նրա այս այդ այն ինչ ով երբ որտեղ ինչպես ինչու քանի համար հետ ից"
    " ոչ մի նաև բայց կամ եթե ես դու նա մենք դուք նրանք",
    "mr": "आहे आहेत आणि च्या चा ची चे मध्ये हा ही हे तो ती ते या त्या होते होता होती काय कोण केव्हा कुठे कसे का"
    " किती नाही एक साठी पण किंवा वर मी आम्ही तुम्ही ला ने",
    "ne": "छ छन् र को मा ले लाई का की हो थियो थिए यो त्यो यी ती के कहिले कहाँ कसरी किन कति पनि तर वा एक भएको"
    " गरेको गर्ने बाट लागि सँग म हामी तपाईं",
    "ta": "மற்றும் ஒரு இந்த அந்த என்று என என்ற இது அது எது என்ன யார் எப்போது எங்கே எப்படி ஏன் எத்தனை உள்ள"
    " இருந்து ஆகும் அவர் அவள் அவன் நான் நாம் அல்லது ஆனால் போது பின்னர் இல்லை",
    "ur": "کا کے کی میں ہے ہیں تھا تھے تھی کو سے اور پر نے کہ یہ وہ ایک بھی نہیں کیا کون کب کہاں کیسے کیوں کتنے"
    " کتنا جو تو ہو ہی لیے گیا گئی کر یا اپنے اس ساتھ بعد تک",
    "yi": "און דער די דאָס אין איז פון צו מיט אויף ניט נישט וואָס ווער ווען וואו ווי פאַר האָט זיין ער זי עס"
    " מיר איר זיי אַ אַן אָבער אויך",
}

FUNCTION_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.casefold().split()) for language, words in (_LATIN | _CYRILLIC | _OTHER).items()
}
