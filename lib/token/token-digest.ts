import { hash } from 'node:crypto'

export function digestOf (token: string): string {
  return hash('sha256', token, 'base64')
}
