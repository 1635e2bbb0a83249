-- BM25 over immutable segments of postings (see docs/adr/0008): fewer and smaller rows than one for each posting, and
-- what a process has read of a segment stays true. Versions that no segment has are indexed by the next worker.

drop table postings;
alter table versions drop column word_count;

-- made_by: what cut text into terms, and how; segments made otherwise are made anew. members: chunks with their lengths,
-- versions with their sizes. dead_since: when a worker first saw that versions in it are gone.
create table lexical_segments (
    id bigint generated always as identity primary key,
    collection_id uuid not null references collections on delete cascade,
    made_by text not null,
    chunk_count integer not null,
    version_count integer not null,
    block_count integer not null,
    members bytea not null,
    dead_since timestamptz,
    created_at timestamptz not null default now()
);
alter table lexical_segments alter column members set storage external;
create index lexical_segments_collection on lexical_segments (collection_id);

create table lexical_blocks (
    segment_id bigint not null references lexical_segments on delete cascade,
    first bigint not null,
    data bytea not null,
    primary key (segment_id, first)
);
alter table lexical_blocks alter column data set storage external;

-- Which segments a version's words are in. A segment's postings of versions that are not its members do not count.
create table lexical_members (
    version_id uuid not null references versions on delete cascade,
    segment_id bigint not null references lexical_segments on delete cascade,
    language text not null,
    primary key (version_id, segment_id)
);
create index lexical_members_segment on lexical_members (segment_id);

-- Versions that readers may see from now on, or may not any more: what a process knows of them holds but for these.
-- No row is ever waited for: counters in rows would make commits stand in line.
create table visibility_changes (
    collection_id uuid not null,
    version_id uuid not null,
    xid xid8 not null default pg_current_xact_id(),
    noted_at timestamptz not null default now()
);
create index visibility_changes_collection on visibility_changes (collection_id, xid);
create index visibility_changes_noted on visibility_changes (noted_at);

-- The newest of those that were forgotten: who knows nothing from then on has to look at everything anew.
create table visibility_changes_forgotten (newest xid8 not null);
insert into visibility_changes_forgotten values ('0');

create function note_current_version() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' and old.current_version is not null then
        insert into visibility_changes (collection_id, version_id) values (old.collection_id, old.current_version);
    end if;
    if tg_op <> 'DELETE' and new.current_version is not null then
        insert into visibility_changes (collection_id, version_id) values (new.collection_id, new.current_version);
    end if;
    return null;
end $$;
create trigger documents_shown after insert or delete on documents
    for each row execute function note_current_version();
create trigger documents_show_another after update of current_version on documents
    for each row when (old.current_version is distinct from new.current_version)
    execute function note_current_version();

create function note_readers() returns trigger language plpgsql as $$
begin
    insert into visibility_changes (collection_id, version_id)
    select d.collection_id, new.id from documents d where d.id = new.document_id;
    return null;
end $$;
create trigger versions_readers after update of readers on versions
    for each row when (old.readers is distinct from new.readers)
    execute function note_readers();

create function note_indexed_anew() returns trigger language plpgsql as $$
begin
    insert into visibility_changes (collection_id, version_id)
    select s.collection_id, old.version_id from lexical_segments s where s.id = old.segment_id;
    return null;
end $$;
create trigger lexical_members_left after delete on lexical_members
    for each row execute function note_indexed_anew();
