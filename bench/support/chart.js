/**
 * Draws bars as SVG, readable on light and dark pages.
 *
 * @param panels a list of `{ title, rows: [{ name, value, role }] }`
 */
export function drawChart (panels, caption) {
  const [width, labels, barHeight, gap] = [760, 290, 16, 6]
  const most = Math.max(...panels.flatMap(({ rows }) => rows.map(({ value }) => value)))
  const parts = []
  let y = 24
  for (const { title, rows } of panels) {
    parts.push(`<text class="title" x="0" y="${y}">${escape(title)}</text>`)
    y += 12
    for (const { name, value, role } of rows) {
      const length = Math.max(2, (width - labels - 50) * value / most)
      const middle = y + barHeight - 4
      parts.push(`<text x="${labels - 10}" y="${middle}" text-anchor="end"${role === 'ours' ? ' class="ours-label"' : ''}>${escape(name)}</text>`)
      parts.push(`<rect class="${role === 'ours' ? 'ours' : 'other'}" x="${labels}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>`)
      parts.push(`<text x="${(labels + length + 8).toFixed(1)}" y="${middle}">${value.toFixed(1)}</text>`)
      y += barHeight + gap
    }
    y += 24
  }
  parts.push(`<text class="caption" x="0" y="${y - 4}">${escape(caption)}</text>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 6}" width="${width}" height="${y + 6}" role="img" aria-label="${escape(panels.map(({ title }) => title).join('; '))}">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.ours-label { font-weight: 600 }
.caption { font-size: 11px; fill: #57606a }
.ours { fill: #0969da }
.other { fill: #afb8c1 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.caption { fill: #9198a1 }
.ours { fill: #4493f8 }
.other { fill: #59636e }
}
</style>
${parts.join('\n')}
</svg>
`
}

function escape (text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
