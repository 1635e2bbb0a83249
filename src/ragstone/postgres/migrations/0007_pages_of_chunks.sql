-- pages: where a chunk stands on several pages, the part of it on each, as [page, start, end, label]; a citation says the
-- page of its quote. Pages of versions were never written.
alter table chunks add column pages jsonb;
alter table versions drop column pages;
