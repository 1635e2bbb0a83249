-- chunk_metadata: whether a chunk of the version has metadata of its own; where none has, a filter is asked once for all.
alter table versions add column chunk_metadata boolean not null default false;
update versions v set chunk_metadata = true
    where exists (select from chunks c where c.version_id = v.id and c.metadata <> '{}');
create index versions_chunk_metadata on versions (id) where chunk_metadata;
create index versions_metadata on versions using gin (metadata jsonb_path_ops);
