/** Somebody who can sign in. There are no passwords: this is a demonstration. */
export interface DemoAccount {
  readonly id: string
  readonly name: string
}

const accounts: readonly DemoAccount[] = [
  { id: 'ada', name: 'Ada Lovelace' },
  { id: 'grace', name: 'Grace Hopper' },
  { id: 'alan', name: 'Alan Turing' }
]

export function listAccounts (): readonly DemoAccount[] {
  return accounts
}

export function findAccount (id: string): DemoAccount | undefined {
  return accounts.find(account => account.id === id)
}
