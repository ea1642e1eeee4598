-- What the example keeps beside organizations and their approvals, which have a schema of their own.

create table if not exists accounts (
  id   text primary key,
  name text not null
);

create table if not exists staff (
  id   text primary key,
  name text not null,
  -- 'none' is somebody who works here and may not impersonate anybody (any more).
  role text not null check (role in ('none', 'support', 'admin'))
);

-- The names of removed staff: the log shows them.
create table if not exists former_staff (
  id   text primary key,
  name text not null
);

-- Somebody in front of a browser: a customer or a member of staff, never both.
create table if not exists sessions (
  -- The cookie itself is not kept: whoever reads this table cannot sign in with it.
  id           text primary key,
  account      text references accounts on delete cascade,
  staff        text references staff on delete cascade,
  -- What every form of the session has to bring along.
  form_token   text not null,
  signed_in_at timestamptz not null,
  -- What the next page confirms, once.
  notice       text,
  check ((account is null) <> (staff is null))
);

alter table sessions add column if not exists notice text;

-- Who was whom, and when. Staff are named and not referenced: the mark stays when they are gone.
create table if not exists impersonations (
  id           text primary key,
  session      text not null,
  staff        text not null,
  customer     text not null,
  read_only    boolean not null,
  started_at   timestamptz not null,
  last_used_at timestamptz not null,
  ends_at      timestamptz not null,
  ended_at     timestamptz,
  ended_by     text,
  -- When what came of it was gone: later than its end where that failed.
  cleaned_at   timestamptz
);
alter table impersonations add column if not exists cleaned_at timestamptz;
create index if not exists impersonations_uncleaned on impersonations (ended_at) where ended_at is not null and cleaned_at is null;
-- One at a time.
create unique index if not exists impersonations_running on impersonations (session) where ended_at is null;

-- Which grants there are, of whom; what is in them is the authorization server's.
create table if not exists grants (
  id            text primary key,
  account       text not null,
  client        text not null,
  -- Both null: made by the customer.
  staff         text,
  impersonation text,
  access        jsonb not null,
  created_at    timestamptz not null default now()
);
create index if not exists grants_of_account on grants (account, staff);

-- What clients were called when somebody was asked about them.
create table if not exists client_names (
  client text primary key,
  name   text not null
);

-- Everything that oidc-provider keeps.
create table if not exists oidc_records (
  model      text not null,
  id         text not null,
  payload    jsonb not null,
  grant_id   text,
  uid        text,
  expires_at timestamptz,
  primary key (model, id)
);
create index if not exists oidc_records_of_grant on oidc_records (grant_id);
create index if not exists oidc_records_by_uid on oidc_records (uid);

-- What the guard decided, as its audit told it.
create table if not exists decisions (
  id            bigint generated always as identity primary key,
  at            timestamptz not null,
  allowed       boolean not null,
  reason        text not null,
  staff         text,
  customer      text,
  client        text,
  -- The step at which the grant was checked, or 'use' for a token that is used.
  step          text,
  route         text,
  organizations jsonb not null
);

create table if not exists projects (
  id           bigint generated always as identity primary key,
  owner        text not null,
  -- The issuer of somebody else's users, who have no organizations here; null for customers, who have.
  partner      text,
  organization text,
  name         text not null,
  check (partner is null or organization is null)
);

-- What people call organizations and teams, and who may decide for them. Which there are, who is a member and who has
-- said yes to AI processing is in the schema of the directory: sql/organization-directory.sql.
create table if not exists organization_names (
  organization text primary key,
  name         text not null
);

create table if not exists team_names (
  team text primary key,
  name text not null
);

create table if not exists administrators (
  customer     text not null,
  organization text not null,
  primary key (customer, organization)
);

-- When the demonstration data was loaded.
create table if not exists demo_data (
  loaded_at timestamptz not null
);

-- Databases of earlier versions.
do $$ begin
  if exists (select from information_schema.columns where table_schema = current_schema() and table_name = 'grants' and column_name = 'reach') then
    alter table grants rename column reach to access;
    alter table decisions rename column path to step;
  end if;
end $$;
