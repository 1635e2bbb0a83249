-- Which embedding space answers questions, which one is being filled to take its place, and which one did before.

alter table embedding_spaces
    add column role text check (role in ('active', 'filling', 'previous')),
    add column spec jsonb not null default '{}',
    add column chunks_per_second double precision check (chunks_per_second > 0),
    add column swap_when_full boolean not null default true,
    add column trouble jsonb;
-- Partial, or a change of role would lock the row as a change of its key does, and every new vector wait for it.
create unique index embedding_spaces_role on embedding_spaces (role) where role is not null;

update embedding_spaces set role = 'active' where id = (
    select space_id from versions where state = 'ready' and space_id is not null
    group by space_id order by count(*) desc, space_id desc limit 1);
