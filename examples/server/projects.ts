export interface Project {
  readonly name: string
}

/** Whose something is: it takes both to know somebody, as two issuers may use the same subject. */
export interface Owner {
  readonly issuer: string
  readonly subject: string
}

/** The data that is protected, in memory. Everybody has projects of their own. */
export interface Projects {
  of (owner: Owner): readonly Project[]
  create (owner: Owner, name: string): Project
}

/** @param issuer whose users have something to begin with */
export function createProjects (issuer: string): Projects {
  const keyOf = ({ issuer, subject }: Owner): string => JSON.stringify([issuer, subject])
  const byOwner = new Map<string, Project[]>([
    [keyOf({ issuer, subject: 'ada' }), [{ name: 'Analytical Engine' }]],
    [keyOf({ issuer, subject: 'grace' }), [{ name: 'Compiler' }]]
  ])
  return {
    of: owner => byOwner.get(keyOf(owner)) ?? [],
    create (owner, name) {
      const project = { name }
      byOwner.set(keyOf(owner), [...byOwner.get(keyOf(owner)) ?? [], project])
      return project
    }
  }
}
