/** What the user does with the pages of the authorization server. */
export interface UserDecisions {
  account?: string
  decision?: 'allow' | 'deny'
  /** What the client may reach. Default: everything. */
  organizations?: readonly string[]
  teams?: readonly string[]
}

/** What a browser shows, and where. */
export interface Page {
  readonly status: number
  readonly url: URL
  readonly text: string
}

/** A browser with somebody in front of it: keeps cookies, follows redirects, fills in the forms of the example server. */
export interface UserAgent {
  /** The pages that were shown, in order. */
  readonly pages: string[]
  /** Opens an authorization URL and answers where the browser is sent in the end: the client's callback. */
  authorize (url: URL | string, decisions?: UserDecisions): Promise<URL>
  /** Opens a page, and follows where it leads. */
  open (url: URL | string): Promise<Page>
  /** Fills in and sends the form of a page that has this action. Fields that the page has filled in stay, where nothing is said. */
  submit (page: Page, action: string | RegExp, fields?: Fields): Promise<Page>
  /** The same, as far as the first answer. */
  post (page: Page, action: string | RegExp, fields?: Fields, headers?: Record<string, string>): Promise<Response>
}

export type Fields = Readonly<Record<string, string | readonly string[]>>

interface Form {
  readonly action: string
  readonly html: string
}

export function createUserAgent (): UserAgent {
  const cookies = new Map<string, { name: string, value: string, path: string }>()
  const pages: string[] = []

  async function request (url: URL, form?: URLSearchParams, headers: Record<string, string> = {}): Promise<Response> {
    const cookie = [...cookies.values()].filter(({ path }) => url.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`).join('; ')
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie, ...headers },
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

  /** To the first page; what is on another origin is not opened. */
  async function follow (start: URL, form?: URLSearchParams): Promise<Page> {
    let url = start
    let response = await request(url, form)
    for (let step = 0; step < 20; step++) {
      const location = response.headers.get('location')
      const text = await response.text()
      if (location === null) {
        pages.push(text)
        return { status: response.status, url, text }
      }
      url = new URL(location, url)
      if (url.origin !== start.origin) return { status: response.status, url, text: '' }
      response = await request(url)
    }
    throw new Error(`going round in circles at ${url.href}`)
  }

  function bodyOf (page: Page, action: string | RegExp, fields: Fields): { url: URL, body: URLSearchParams } {
    const form = formsOf(page.text).find(one => typeof action === 'string' ? one.action === action : action.test(one.action))
    if (form === undefined) throw new Error(`no form ${String(action)}: ${page.status} at ${page.url.href}: ${page.text}`)
    const body = new URLSearchParams(filledIn(form))
    for (const [name, values] of Object.entries(fields)) {
      body.delete(name)
      for (const value of [values].flat()) body.append(name, value)
    }
    return { url: new URL(form.action, page.url), body }
  }

  const submit: UserAgent['submit'] = async (page, action, fields = {}) => {
    const { url, body } = bodyOf(page, action, fields)
    return await follow(url, body)
  }

  return {
    pages,
    submit,
    open: url => follow(new URL(url)),
    async post (page, action, fields = {}, headers = {}) {
      const { url, body } = bodyOf(page, action, fields)
      return await request(url, body, headers)
    },
    async authorize (start, { account = 'ada', decision = 'allow', organizations = [], teams = [] } = {}) {
      const { origin } = new URL(start)
      let page = await follow(new URL(start))
      for (let step = 0; step < 5; step++) {
        if (page.url.origin !== origin) return page.url
        const answer = /\/sign-in$/.test(formsOf(page.text).at(-1)?.action ?? '')
          ? { account }
          : {
              decision,
              level: 'all',
              ...organizations.length > 0 && { level: 'organization', organization: organizations },
              ...teams.length > 0 && { level: 'team', team: teams }
            }
        if (page.status !== 200) throw new Error(`${page.status} at ${page.url.href}: ${page.text}`)
        page = await submit(page, /\/interaction\/[^/]+\/(sign-in|consent)$/, answer)
      }
      throw new Error(`going round in circles at ${page.url.href}`)
    }
  }
}

function formsOf (page: string): Form[] {
  return [...page.matchAll(/<form method="post" action="([^"]+)">(.*?)<\/form>/gs)]
    .map(([, action = '', html = '']) => ({ action: unescaped(action), html }))
}

/** What a form says when it is sent as it is. */
function filledIn ({ html }: Form): Array<[string, string]> {
  return [...html.matchAll(/<input [^>]*>/g)].flatMap(([input]) => {
    const { type = 'text', name = '', value = 'on' } = Object.fromEntries(
      [...input.matchAll(/(\w+)="([^"]*)"/g)].map(([, attribute, text]) => [attribute!, unescaped(text!)]))
    const isSent = type === 'hidden' || type === 'text' || / checked/.test(input)
    return isSent ? [[name, value]] : []
  })
}

function unescaped (text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
