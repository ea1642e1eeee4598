import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'

/** Evaluated in the page by the debugger: its content security policy allows no script of its own. */
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResults {
  readonly violations: ReadonlyArray<{ readonly id: string, readonly help: string, readonly nodes: ReadonlyArray<{ readonly html: string }> }>
}

/** `SCREENSHOTS=<folder>` keeps a picture of each page in each appearance. */
const folder = process.env.SCREENSHOTS ?? ''

/** Words of buttons, links and headings that go over two lines. */
const brokenWords = `(() => {
  const broken = []
  for (const element of document.querySelectorAll('button, a, th, h1, h2, h3, label, .tag')) {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
      for (const { index, 0: word } of text.data.matchAll(/[\\w]+/g)) {
        const range = document.createRange()
        range.setStart(text, index)
        range.setEnd(text, index + word.length)
        if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) broken.push(word)
      }
    }
  }
  return broken
})()`

const appearances = [
  { colorScheme: 'light', width: 1280, height: 800 },
  { colorScheme: 'dark', width: 1280, height: 800 },
  { colorScheme: 'light', width: 390, height: 844 },
  { colorScheme: 'dark', width: 390, height: 844 }
] as const

/** Between those two, where a table is a table and has no room. */
const inBetween = [560, 640, 768, 1024]

/**
 * What axe finds on a page in light and dark, on a wide and on a narrow screen, and what is wider than the screen. Each line
 * has the appearance, the rule and the element.
 */
export async function axeProblems (page: Page, name: string): Promise<string[]> {
  const problems: string[] = []
  await page.evaluate(axe)
  for (const { colorScheme, width, height } of appearances) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height })
    const where = `${name}, ${colorScheme}, ${width} pixels`
    const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })") as AxeResults
    for (const { id, help, nodes } of violations) for (const { html } of nodes) problems.push(`${where}: ${id} (${help}): ${html.slice(0, 120)}`)
    problems.push(...(await page.evaluate(brokenWords) as string[]).map(word => `${where}: the word ${word} is broken in two`))
    const actual = await page.evaluate('document.documentElement.scrollWidth') as number
    if (actual > width) problems.push(`${where}: ${actual} pixels wide`)
    if (folder !== '') {
      await mkdir(folder, { recursive: true })
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true })
    }
  }
  for (const width of inBetween) {
    await page.setViewportSize({ width, height: 800 })
    problems.push(...(await page.evaluate(brokenWords) as string[]).map(word => `${name}, ${width} pixels: the word ${word} is broken in two`))
  }
  return problems
}
