export interface Project {
  readonly name: string
}

/** The data that is protected, in memory. Everybody has projects of their own. */
export interface Projects {
  of (owner: string): readonly Project[]
  create (owner: string, name: string): Project
}

export function createProjects (): Projects {
  const byOwner = new Map<string, Project[]>([
    ['ada', [{ name: 'Analytical Engine' }]],
    ['grace', [{ name: 'Compiler' }]]
  ])
  return {
    of: owner => byOwner.get(owner) ?? [],
    create (owner, name) {
      const project = { name }
      byOwner.set(owner, [...byOwner.get(owner) ?? [], project])
      return project
    }
  }
}
