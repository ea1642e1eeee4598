import type { IssuerOptions } from './options.ts'

type Preset = Readonly<Omit<IssuerOptions, 'issuer' | 'audience'>>
