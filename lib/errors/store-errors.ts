import { PublicError } from './errors.ts'

/** A replay store in memory is full. It forgets no identifier before its time, as that could be replayed then. */
export class ReplayStoreFullError extends PublicError<'FST_OAUTH_REPLAY_STORE_FULL'> {
  constructor (maxEntries: number) {
    super({ code: 'FST_OAUTH_REPLAY_STORE_FULL', statusCode: 503, expose: false, message: `the replay store is full with ${maxEntries} identifiers: raise maxEntries, or use Redis` })
    this.name = 'ReplayStoreFullError'
  }
}

/** A revocation store in memory is full. It forgets no revocation before its time, as the tokens would be valid again. */
export class RevocationStoreFullError extends PublicError<'FST_OAUTH_REVOCATION_STORE_FULL'> {
  constructor (maxEntries: number) {
    super({ code: 'FST_OAUTH_REVOCATION_STORE_FULL', statusCode: 503, expose: false, message: `the revocation store is full with ${maxEntries} revocations: raise maxEntries, revoke subjects or sessions in place of single tokens, or use Redis` })
    this.name = 'RevocationStoreFullError'
  }
}

/**
 * Redis did not answer in time, could not be reached or refused a command. The message is that of the client, the error
 * is not: ioredis keeps the arguments of the command on its errors, and they may be tokens.
 */
export class RedisStoreError extends PublicError<'FST_OAUTH_REDIS_FAILED'> {
  constructor (message: string) {
    super({ code: 'FST_OAUTH_REDIS_FAILED', statusCode: 503, expose: false, message })
    this.name = 'RedisStoreError'
  }
}
