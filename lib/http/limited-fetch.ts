import type { Fetch, FetchLimits } from './fetch-json.ts'
import { FetchError } from './fetch-json.ts'
