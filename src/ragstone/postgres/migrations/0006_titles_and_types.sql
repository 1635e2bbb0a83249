-- indexed_title: the title that a version's words are indexed with; another one by now means that it was renamed since.
-- given_type: what the sent bytes were taken for; the same bytes taken for something else are read anew.
alter table versions
    add column indexed_title text,
    add column given_type text;

update versions v set given_type = v.media_type,
    indexed_title = case when v.chunk_count > 0
        then coalesce(v.given_title, v.title, nullif(v.filename, ''), (select uri from documents d where d.id = v.document_id))
    end;
