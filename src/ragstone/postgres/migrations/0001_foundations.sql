-- Documents, their versions and bytes, the chunks cut from them, and what finds the chunks.

create table collections (
    id uuid primary key,
    tenant text not null,
    name text not null,
    created_at timestamptz not null default now(),
    unique (tenant, name)
);

create table blobs (
    id uuid primary key,
    tenant text not null,
    sha256 bytea not null,
    size bigint not null,
    unique (tenant, sha256)
);

-- Deferred: parts are written while the bytes stream in, the blob's row once their hash is known.
create table blob_parts (
    blob_id uuid not null references blobs on delete cascade deferrable initially deferred,
    ordinal integer not null,
    data bytea not null,
    primary key (blob_id, ordinal)
);
alter table blob_parts alter column data set storage external;

create table embedding_spaces (
    id integer generated always as identity primary key,
    model text not null,
    version text not null,
    dimensions integer not null check (dimensions between 1 and 4000),
    created_at timestamptz not null default now(),
    unique (model, version)
);

-- current_version answers questions; latest_version is the newest one, which may still be on its way.
create table documents (
    id uuid primary key,
    tenant text not null,
    collection_id uuid not null references collections on delete cascade,
    uri text not null,
    current_version uuid,
    latest_version uuid not null,
    created_at timestamptz not null default now(),
    unique (collection_id, uri)
);
create index documents_tenant on documents (tenant, id);

-- The row is the truth about the work; an entry in the queue only wakes a worker.
-- What the sender said of a document (given_title to readers) belongs to a version, so that it takes effect with
-- the version's text: new readers must not see old text.
create table versions (
    id uuid primary key,
    document_id uuid not null references documents on delete cascade,
    given_title text,
    filename text not null,
    metadata jsonb not null default '{}',
    readers text[] not null check (cardinality(readers) > 0),
    blob_id uuid references blobs,
    media_type text not null,
    size bigint not null,
    sha256 bytea not null,
    title text,
    content text,
    pages jsonb not null default '[]',
    state text not null
        check (state in ('accepted', 'parsing', 'searchable', 'ready', 'failed', 'cancelled')),
    attempts integer not null default 0,
    due_at timestamptz not null default now(),
    lease_owner integer,
    lease_until timestamptz,
    chunk_count integer not null default 0,
    word_count bigint not null default 0,
    space_id integer references embedding_spaces,
    embedded_count integer not null default 0,
    stage_seconds jsonb not null default '{}',
    failure jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index versions_document on versions (document_id);
create index versions_blob on versions (blob_id);
create index versions_open on versions (due_at) where state in ('accepted', 'parsing', 'searchable');

alter table documents
    add foreign key (current_version) references versions deferrable initially deferred,
    add foreign key (latest_version) references versions deferrable initially deferred;
create index documents_current on documents (current_version);
create index documents_latest on documents (latest_version);

create table chunks (
    id uuid primary key,
    version_id uuid not null references versions on delete cascade,
    ordinal integer not null,
    text text not null,
    start_char integer not null,
    end_char integer not null,
    token_count integer not null,
    page integer,
    heading_path text[] not null default '{}',
    metadata jsonb not null default '{}',
    external_id text,
    unique (version_id, ordinal)
);

-- BM25: how often a term stands in a chunk, beside how many words the chunk has.
create table postings (
    term text not null,
    chunk_id uuid not null,
    version_id uuid not null references versions on delete cascade,
    frequency integer not null,
    word_count integer not null,
    primary key (term, chunk_id)
);
create index postings_version on postings (version_id);

-- One partition per embedding space, made with the space: vectors of two models cannot meet in one search.
create table vectors (
    chunk_id uuid not null references chunks on delete cascade,
    space_id integer not null references embedding_spaces,
    embedding halfvec not null,
    primary key (chunk_id, space_id)
) partition by list (space_id);

create table api_keys (
    id uuid primary key,
    name text not null,
    tenant text not null,
    permissions text[] not null,
    readers text[] not null,
    digest bytea not null unique,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
