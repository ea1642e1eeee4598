-- What createPostgresOrganizationDirectory reads: organizations with their approval of AI processing, their teams and
-- their members. PostgreSQL 12 or later, PGlite as well. It can be run again at any time, also by several at once:
--
--     psql --single-transaction --file organization-directory.sql "$DATABASE_URL"
--
-- An application that has tables of its own needs none of these: it makes the schema and three views of the same names
-- and columns in it (see docs/stores.md).
--
-- Nothing here is referred to by a foreign key. An organization that is gone while a team or a membership still names it
-- must refuse a grant; a cascading delete would make it disappear from what the grant reaches, and the rest be enough.

do $$ begin perform pg_advisory_xact_lock(hashtext('oauth_directory')); end $$;

create schema if not exists oauth_directory;

create table if not exists oauth_directory.organizations (
  id text primary key,
  -- Only true is an approval; null is a question that nobody has answered.
  ai_approved boolean,
  -- Since when the approval holds; null without one. It is kept by the trigger below, whoever writes.
  ai_approved_at timestamptz,
  constraint organizations_approval_has_a_time check ((ai_approved is true) = (ai_approved_at is not null))
);

create table if not exists oauth_directory.teams (
  id text primary key,
  organization text not null
);

create table if not exists oauth_directory.memberships (
  customer text not null,
  organization text not null,
  primary key (customer, organization)
);

-- An approval that is given again is a new one: what was granted under the old one is not covered by it. The time is that
-- of the write and not of its transaction, which may have begun before the withdrawal that it follows.
create or replace function oauth_directory.keep_ai_approved_at () returns trigger language plpgsql as $$
begin
  if new.ai_approved is not true then
    new.ai_approved_at := null;
  elsif tg_op = 'UPDATE' then
    new.ai_approved_at := coalesce(new.ai_approved_at, old.ai_approved_at, clock_timestamp());
  else
    new.ai_approved_at := coalesce(new.ai_approved_at, clock_timestamp());
  end if;
  return new;
end $$;

drop trigger if exists keep_ai_approved_at on oauth_directory.organizations;
create trigger keep_ai_approved_at before insert or update on oauth_directory.organizations
  for each row execute function oauth_directory.keep_ai_approved_at();

-- Gives (true), withdraws (false) or forgets (null) the approval of an organization; an id that is new is a new
-- organization. Since when it holds is said only by who brings approvals from somewhere else; one that holds already keeps
-- its time. `update oauth_directory.organizations set ai_approved = …` does the same.
create or replace function oauth_directory.set_ai_approval (organization text, approved boolean, approved_at timestamptz default null)
returns void language sql as $$
  insert into oauth_directory.organizations as existing (id, ai_approved, ai_approved_at) values (organization, approved, approved_at)
  on conflict (id) do update
    set ai_approved = excluded.ai_approved, ai_approved_at = coalesce(existing.ai_approved_at, approved_at)
$$;
