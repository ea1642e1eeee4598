/** The little of autocannon that is used here; it has no types of its own. */
declare module 'autocannon' {
  export interface LoadRequest {
    headers?: Record<string, string>
  }
  export interface LoadOptions {
    url: string
    connections: number
    /** Seconds; not looked at where there is an amount. */
    duration?: number
    /** This many requests and no more. */
    amount?: number
    requests?: Array<{ setupRequest: (request: LoadRequest) => LoadRequest }>
    /** Of every request, where `requests` does not say. */
    method?: 'GET' | 'POST'
    headers?: Record<string, string>
    body?: string
  }
  export interface LoadResult {
    /** Seconds. */
    duration: number
    errors: number
    timeouts: number
    statusCodeStats: Record<string, { count: number }>
  }
  export default function autocannon (options: LoadOptions): Promise<LoadResult>
}
