-- What `ragstone sync` keeps up with, kept with the documents, so that any client can go on with it.

-- source: the folder, list or sitemap that a document mirrors; null for those sent by hand. etag, last_modified: what
-- the web server said of the newest version's bytes.
alter table documents
    add column source text,
    add column etag text,
    add column last_modified text;
create index documents_source on documents (tenant, source, id) where source is not null;
