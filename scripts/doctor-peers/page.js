const marks = { holds: '✓', required: '✗', recommended: '!', unknown: '?', not_applicable: '–' }
const markOf = ({ outcome, level }) => marks[outcome === 'fails' ? level : outcome]

/** The checks of the shared authorization server are about none of the packages. */
const isAboutServer = ({ group }) => group !== 'Authorization server'

/** The page with the results: `results` are the servers with their reports and versions. */
export function formatPage (results, { date, version, issuerVersion }) {
  const checks = results.map(({ report }) => report.checks.filter(isAboutServer))
  const rows = checks[0].map((first, index) => ({ first, marks: checks.map(list => markOf(list[index])) }))
  const shown = rows.filter(row => row.marks.some(mark => mark !== marks.not_applicable))
  const left = rows.filter(row => !shown.includes(row)).map(({ first: { id } }) => `\`${id}\``)
  const groups = [...new Set(shown.map(({ first: { group } }) => group))]
  return `${[
    '# Conformance of resource servers',
    wrap('The [doctor](doctor.md) checks any OAuth 2.0 resource server. This page shows what it finds at small servers made with this package, the MCP SDK, ' +
      "Auth0's package for Express, and better-auth. Each is set up as the documentation of its package says, with the strictest options that it has."),
    [
      `- ${date}, this package ${version}. Repeat it in a clone: \`npm run doctor:peers\` writes this page. The servers are in \`scripts/doctor-peers/servers\`.`,
      `- All servers trust one authorization server (${issuerVersion}), whose access tokens follow RFC 9068. Its own checks all hold and are left out.`,
      '- The doctor gets a token for the server, and then one for another resource.'
    ].map(line => wrap(line, '  ')).join('\n'),
    '## What to keep in mind',
    [
      '- **The authors of this package wrote the checks**, and its tests run them: a check that does not hold would be a bug of it, so its two columns prove little. ' +
        'The other columns show what is left to the application, and what to look at in a server of your own.',
      '- **A check is about a whole server**, and part of it is the application: CORS comes from `cors` or `@fastify/cors` in each server, and the remarks below say what else is the part of the application.',
      '- **Packages differ in more than this**, and most of that no request from outside shows. The pages "coming from" of the [index](README.md) have more.'
    ].map(line => wrap(line, '  ')).join('\n'),
    '## Results',
    table(['mark', 'meaning'], [
      [marks.holds, 'holds'],
      [marks.required, 'does not hold, and is required: clients or tokens are at risk without it'],
      [marks.recommended, 'a warning: does not hold, and is recommended by a standard or practice'],
      [marks.unknown, 'not checked: it could not be completed'],
      [marks.not_applicable, 'does not apply: the server does not have the feature']
    ]),
    table(['server', `${marks.holds} holds`, `${marks.required} required`, `${marks.recommended} warning`, `${marks.unknown} not checked`, `${marks.not_applicable} does not apply`], results.map(({ name }, index) => [
      name, ...Object.values(marks).map(mark => String(rows.filter(row => row.marks[index] === mark).length))
    ])),
    table(['check', ...results.map(({ name }) => name)], groups.flatMap(group => [
      [`**${group}**`, ...results.map(() => '')],
      ...shown.filter(({ first }) => first.group === group).map(({ first, marks: found }) => [first.title, ...found])
    ])),
    wrap(`These checks apply to none of the servers: ${left.join(', ')}.`),
    ...results.flatMap(server => sectionOf(server))
  ].join('\n\n')}\n`
}

function sectionOf ({ name, title = name, versions, file, about, notes, report }) {
  const failed = report.checks.filter(({ outcome }) => outcome === 'fails').filter(isAboutServer)
  const byLevel = [...failed.filter(({ level }) => level === 'required'), ...failed.filter(({ level }) => level === 'recommended')]
  const unchecked = report.checks.filter(check => check.outcome === 'unknown' && isAboutServer(check))
  const forgotten = Object.keys(notes).filter(id => !failed.some(check => check.id === id))
  if (forgotten.length > 0) throw new Error(`${name}: ${forgotten.join(', ')} holds now, and has a note`)
  return [
    `## ${title}`,
    wrap(`${versions.join(', ')} (\`${file}.js\`). ${about}`),
    byLevel.length === 0 ? 'Every check that applies holds.' : byLevel.map(check => wrap(itemOf(check, notes[check.id]), '  ')).join('\n'),
    ...unchecked.length === 0 ? [] : [wrap(`Not checked, as the server has no document: ${unchecked.map(({ id }) => `\`${id}\``).join(', ')}.`)]
  ]
}

function itemOf (check, note) {
  const { group, title, message, why, rfc, id } = check
  const found = message.replaceAll(/http:\/\/localhost:\d+/g, '').replace(/[.]$/, '')
  return `- ${markOf(check)} **${group}: ${title}**. Found: ${found}. ${why}${note === undefined ? '' : ` *${note}*`} (${rfc}; \`${id}\`)`
}

function table (head, rows) {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** Lines of at most 130 characters, which do not break inside of code. */
function wrap (text, indent = '') {
  const lines = ['']
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g)) {
    const line = lines.at(-1)
    if (line !== '' && line.length + 1 + word.length > 130) lines.push(indent + word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join('\n')
}
