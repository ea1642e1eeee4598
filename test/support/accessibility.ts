import type { Page } from 'playwright-core'

/**
 * What is wrong with a page for people who see it badly, not at all, on a small screen, or have no mouse. It looks for what
 * a program can see (WCAG 2.2: 1.3.1, 1.4.3, 1.4.10, 2.4.1, 2.4.2, 2.4.7, 3.1.1, 4.1.2); that the words make sense, it
 * cannot.
 */
export async function accessibilityProblems (page: Page): Promise<string[]> {
  const problems = await page.evaluate(inPage) as string[]
  const size = page.viewportSize()!
  await page.setViewportSize({ width: 400, height: 760 })
  const width = await page.evaluate('document.documentElement.scrollWidth') as number
  if (width > 400) problems.push(`${width} pixels wide on a screen of 400`)
  await page.setViewportSize(size)

  await page.keyboard.press('Tab')
  const focused = await page.evaluate('({ text: document.activeElement.textContent, outline: getComputedStyle(document.activeElement).outlineStyle })') as
    { text: string, outline: string }
  if (focused.text !== 'Skip to the content') problems.push(`the first thing with the focus is ${focused.text}`)
  if (focused.outline === 'none') problems.push('what has the focus does not show it')
  await page.evaluate('document.activeElement.blur()')
  return problems
}

/** Runs in the browser; a text, as there are no types of a browser here. */
const inPage = `(() => {
  const problems = []
  const all = selector => [...document.querySelectorAll(selector)]
  const nameOf = element => element.outerHTML.slice(0, 80)
  if (document.documentElement.lang !== 'en') problems.push('no language')
  if (document.title.trim() === '') problems.push('no title')
  for (const landmark of ['header', 'main', 'footer']) if (all(landmark).length !== 1) problems.push('not one ' + landmark)
  if (all('h1').length !== 1) problems.push('not one h1')
  let level = 0
  for (const heading of all('h1, h2, h3')) {
    const own = Number(heading.tagName[1])
    if (own > level + 1) problems.push('a heading of level ' + own + ' after ' + level)
    level = own
  }
  for (const nav of all('nav, section')) {
    const label = nav.getAttribute('aria-label') ?? document.getElementById(nav.getAttribute('aria-labelledby'))?.textContent
    if (!label) problems.push('no name: ' + nameOf(nav))
  }
  for (const input of all('input:not([type=hidden]), select')) if (input.labels.length === 0) problems.push('no label: ' + nameOf(input))
  for (const button of all('button, a')) if ((button.getAttribute('aria-label') ?? button.textContent).trim() === '') problems.push('no name: ' + nameOf(button))
  for (const group of all('fieldset')) if (group.querySelector(':scope > legend') === null) problems.push('no legend: ' + nameOf(group))
  const ids = all('[id]').map(({ id }) => id)
  if (new Set(ids).size !== ids.length) problems.push('an id twice')

  const channels = color => color.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => [r, g, b].map(one => one / 255)
    .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0)
  const groundOf = element => {
    for (let one = element; one !== null; one = one.parentElement) {
      const color = channels(getComputedStyle(one).backgroundColor)
      if (color[3] === undefined || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  for (const element of all('body *')) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim() !== '')) continue
    const [light, dark] = [luminance(channels(getComputedStyle(element).color)), luminance(groundOf(element))].sort((a, b) => b - a)
    const contrast = (light + 0.05) / (dark + 0.05)
    if (contrast < 4.5) problems.push('contrast ' + contrast.toFixed(2) + ': ' + nameOf(element))
  }
  return problems
})()`
