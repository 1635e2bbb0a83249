-- The parts of a document that could not be read, as attachments or files of an archive, each with the cause.
alter table versions add column unread jsonb not null default '{}';
