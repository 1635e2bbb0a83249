-- One row: how often searches that saw that words are lost called for the worker that keeps them, and when they last did.
create table lexical_calls (
    id integer primary key default 1 check (id = 1),
    calls bigint not null default 0,
    called_at timestamptz not null default '-infinity'
);
insert into lexical_calls default values;
