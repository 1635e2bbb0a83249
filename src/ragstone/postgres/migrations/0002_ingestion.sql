-- What is known of work that waits or was broken off; what chunks and vectors need to be made once only.

-- waiting: why the last attempt ended without a result. crashes: how many workers died over it, one after the other.
-- chunking: the sizes that its chunks were cut to; only a version cut alike can lend its cuts to the next.
alter table versions
    add column waiting jsonb,
    add column crashes integer not null default 0,
    add column chunking text;

-- lead: the header of the table that a chunk goes on with; it is searched and shown with the chunk's own text.
alter table chunks
    add column page_label text,
    add column lead text not null default '';

-- The digest of what was embedded: the same text in the same space need not be embedded again.
alter table vectors add column text_hash bytea;
create index vectors_text on vectors (text_hash);

-- Vectors of texts that a newer version of their document no longer has, for a while: texts come back.
create table kept_vectors (
    document_id uuid not null references documents on delete cascade,
    space_id integer not null references embedding_spaces on delete cascade,
    text_hash bytea not null,
    embedding halfvec not null,
    kept_until timestamptz not null,
    primary key (document_id, space_id, text_hash)
);
create index kept_vectors_text on kept_vectors (space_id, text_hash);
create index kept_vectors_until on kept_vectors (kept_until);
