-- What was changed that a search could show: what was found holds as long as nothing of it has changed.
-- The transaction's number, and no time, says whether a reply had seen a change: transactions may take for hours.
-- readers: who could see it, before or after; null for all, whoever they are. No row is ever waited for.
create table reply_changes (
    tenant text not null,
    collection_id uuid not null,
    readers text[],
    xid xid8 not null default pg_current_xact_id(),
    noted_at timestamptz not null default now()
);
create index reply_changes_tenant on reply_changes (tenant, xid);
create index reply_changes_collection on reply_changes (collection_id, xid);
create index reply_changes_noted on reply_changes (noted_at);

-- The newest change that is forgotten: who had not seen all before it cannot be told what he missed.
create table reply_changes_forgotten (newest xid8 not null);
insert into reply_changes_forgotten values ('0');

-- Batches come by statements over many rows, which mostly have the same readers.
create function note_shown_documents() returns trigger language plpgsql as $$
begin
    insert into reply_changes (tenant, collection_id, readers)
    select distinct n.tenant, n.collection_id, v.readers
    from now_there n left join versions v on v.id = n.current_version
    where n.current_version is not null;
    return null;
end $$;
create trigger documents_found after insert on documents
    referencing new table as now_there for each statement execute function note_shown_documents();

create function note_changed_documents() returns trigger language plpgsql as $$
begin
    insert into reply_changes (tenant, collection_id, readers)
    select distinct s.tenant, s.collection_id, v.readers
    from now_there n join before o on o.id = n.id
    cross join lateral (values (o.tenant, o.collection_id, o.current_version),
        (n.tenant, n.collection_id, n.current_version)) s (tenant, collection_id, version)
    left join versions v on v.id = s.version
    where s.version is not null and (o.tenant, o.collection_id, o.current_version, o.uri)
        is distinct from (n.tenant, n.collection_id, n.current_version, n.uri);
    return null;
end $$;
create trigger documents_found_otherwise after update on documents
    referencing old table as before new table as now_there
    for each statement execute function note_changed_documents();

-- Before, as its versions go with it.
create function note_deleted_document() returns trigger language plpgsql as $$
begin
    insert into reply_changes (tenant, collection_id, readers)
    select old.tenant, old.collection_id, (select v.readers from versions v where v.id = old.current_version);
    return old;
end $$;
create trigger documents_found_no_more before delete on documents
    for each row when (old.current_version is not null) execute function note_deleted_document();

create function note_relabelled() returns trigger language plpgsql as $$
begin
    insert into reply_changes (tenant, collection_id, readers)
    select d.tenant, d.collection_id, old.readers || new.readers
    from documents d where d.id = new.document_id and d.current_version = new.id;
    return null;
end $$;
create trigger versions_found_otherwise after update on versions
    for each row when (
        (old.readers, old.given_title, old.title, old.filename, old.metadata, old.chunk_metadata, old.media_type,
            old.updated_at)
        is distinct from
        (new.readers, new.given_title, new.title, new.filename, new.metadata, new.chunk_metadata, new.media_type,
            new.updated_at))
    execute function note_relabelled();

-- Vectors of the space that answers; others show once it does.
create function note_vectors() returns trigger language plpgsql as $$
begin
    insert into reply_changes (tenant, collection_id, readers)
    select distinct d.tenant, d.collection_id, v.readers
    from now_there n join embedding_spaces s on s.id = n.space_id and s.role = 'active'
    join chunks c on c.id = n.chunk_id join versions v on v.id = c.version_id
    join documents d on d.current_version = v.id;
    return null;
end $$;
create trigger vectors_found after insert on vectors
    referencing new table as now_there for each statement execute function note_vectors();

-- Words that are indexed anew, or were lost.
create function note_words() returns trigger language plpgsql as $$
begin
    insert into reply_changes (tenant, collection_id, readers)
    select distinct d.tenant, d.collection_id, v.readers
    from touched t join versions v on v.id = t.version_id join documents d on d.current_version = v.id;
    return null;
end $$;
create trigger lexical_members_found after insert on lexical_members
    referencing new table as touched for each statement execute function note_words();
create trigger lexical_members_lost after delete on lexical_members
    referencing old table as touched for each statement execute function note_words();

create function note_collection() returns trigger language plpgsql as $$
begin
    insert into reply_changes (tenant, collection_id) values (old.tenant, old.id);
    return null;
end $$;
create trigger collections_renamed after update on collections
    for each row when ((old.tenant, old.name) is distinct from (new.tenant, new.name))
    execute function note_collection();
create trigger collections_deleted after delete on collections for each row execute function note_collection();
