-- What a model does not take of the chunks that its space is filled with: it is asked once, and the rest goes on.
create table refused_chunks (
    chunk_id uuid not null references chunks on delete cascade,
    space_id integer not null references embedding_spaces on delete cascade,
    reason text not null,
    remedy text not null,
    primary key (chunk_id, space_id)
);
create index refused_chunks_space on refused_chunks (space_id);

-- skip_refused: the space may answer without them. was_previous: a rollback fills the previous space, which is the
-- previous one again if that is stopped.
alter table embedding_spaces
    add column skip_refused boolean not null default false,
    add column was_previous boolean not null default false;
