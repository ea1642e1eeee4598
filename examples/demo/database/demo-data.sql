-- Loaded once: what was changed or removed afterwards stays so after a restart.

do $demo$ begin
  perform pg_advisory_xact_lock(hashtext('demo_data'));
  if exists (select from demo_data) or exists (select from staff) then
    insert into demo_data select now() where not exists (select from demo_data);
    return;
  end if;
  insert into demo_data values (now());

  insert into accounts (id, name) values ('ada', 'Ada Lovelace'), ('grace', 'Grace Hopper'), ('alan', 'Alan Turing')
    on conflict do nothing;

  insert into staff (id, name, role) values
    ('sam', 'Sam Porter', 'support'), ('kim', 'Kim Okafor', 'support'), ('robin', 'Robin Berg', 'admin')
    on conflict do nothing;

  insert into oauth_directory.organizations (id, ai_approved) values
    ('analytical-society', true), ('royal-institution', null), ('navy-yard', true), ('hut-8', false)
    on conflict do nothing;
  insert into organization_names (organization, name) values
    ('analytical-society', 'Analytical Society'), ('royal-institution', 'Royal Institution'), ('navy-yard', 'Navy Yard'), ('hut-8', 'Hut 8')
    on conflict do nothing;

  insert into oauth_directory.teams (id, organization) values
    ('engines', 'analytical-society'), ('tables', 'analytical-society'), ('lectures', 'royal-institution'),
    ('compilers', 'navy-yard'), ('bombes', 'hut-8')
    on conflict do nothing;
  insert into team_names (team, name) values
    ('engines', 'Engines'), ('tables', 'Tables'), ('lectures', 'Lectures'), ('compilers', 'Compilers'), ('bombes', 'Bombes')
    on conflict do nothing;

  insert into oauth_directory.memberships (customer, organization) values
    ('ada', 'analytical-society'), ('ada', 'royal-institution'), ('grace', 'navy-yard'), ('grace', 'analytical-society'),
    ('alan', 'hut-8')
    on conflict do nothing;
  insert into administrators (customer, organization) values
    ('ada', 'analytical-society'), ('ada', 'royal-institution'), ('grace', 'navy-yard'), ('alan', 'hut-8')
    on conflict do nothing;

  insert into projects (owner, organization, name)
    select owner, organization, name from (values
      ('ada', 'analytical-society', 'Analytical Engine'), ('grace', 'navy-yard', 'Compiler')
    ) as demo (owner, organization, name)
    where not exists (select from projects);
end $demo$;
