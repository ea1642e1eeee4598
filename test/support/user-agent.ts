/** What the user does with the pages of the authorization server. */
export interface UserDecisions {
  account?: string
  decision?: 'allow' | 'deny'
}

/** A browser with somebody in front of it: keeps cookies, follows redirects, fills in the forms of the example server. */
export interface UserAgent {
  /** The pages that were shown, in order. */
  readonly pages: string[]
  /** Opens an authorization URL and answers where the browser is sent in the end: the client's callback. */
  authorize (url: URL | string, decisions?: UserDecisions): Promise<URL>
}

export function createUserAgent (): UserAgent {
  const cookies = new Map<string, { name: string, value: string, path: string }>()
  const pages: string[] = []

  async function request (url: URL, form?: URLSearchParams): Promise<Response> {
    const cookie = [...cookies.values()].filter(({ path }) => url.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie },
      ...(form === undefined ? {} : { method: 'POST', body: form })
    })
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map(part => part.trim())
      const [name = '', value = ''] = pair.split('=', 2)
      const path = attributes.find(one => /^path=/i.test(one))?.slice('path='.length) ?? '/'
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(`${path} ${name}`)
      else cookies.set(`${path} ${name}`, { name, value, path })
    }
    return response
  }

  return {
    pages,
    async authorize (start, { account = 'ada', decision = 'allow' } = {}) {
      const { origin } = new URL(start)
      let url = new URL(start)
      let form: URLSearchParams | undefined
      for (let step = 0; step < 20; step++) {
        const response = await request(url, form)
        form = undefined
        const location = response.headers.get('location')
        const page = await response.text()
        if (location !== null) {
          url = new URL(location, url)
          if (url.origin !== origin) return url
          continue
        }
        pages.push(page)
        const action = /<form method="post" action="([^"]+)"/.exec(page)?.[1]
        if (!response.ok || action === undefined) throw new Error(`${response.status} at ${url.href}: ${page}`)
        url = new URL(action, url)
        form = new URLSearchParams(/<input type="radio" name="account"/.test(page) ? { account } : { decision })
      }
      throw new Error(`going round in circles at ${url.href}`)
    }
  }
}
