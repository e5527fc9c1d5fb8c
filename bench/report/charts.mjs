/** Charts as small SVG files: bars of rates, and lines of costs over growing counts. */
const COLOURS = ['#c2410c', '#0369a1', '#15803d', '#7e22ce', '#64748b']

export const short = (n) => n >= 1e9 ? `${(n / 1e9).toPrecision(3)} G` : n >= 1e6 ? `${(n / 1e6).toPrecision(3)} M` : n >= 1e4 ? `${(n / 1e3).toPrecision(3)} k` : String(Number(n.toPrecision(3)))
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const frame = (title, height, lines) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 ${height}" width="600" height="${height}" font-family="sans-serif" font-size="12">
<rect width="600" height="${height}" fill="#ffffff"/>
<text x="10" y="20" font-size="14" font-weight="bold">${escape(title)}</text>
${lines.join('\n')}
</svg>
`

const BAR = 22

/** Bars from the left, in the order given; `bars` are [label, rate]; the one named Ottla stands out. */
export function barChart(title, bars, unit = '/s') {
  const most = Math.max(...bars.map(([, rate]) => rate))
  return frame(title, 40 + bars.length * BAR, bars.flatMap(([label, rate], i) => {
    const y = 34 + i * BAR
    const width = Math.max(1, rate / most * 340)
    return [
      `<text x="168" y="${y + 12}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="176" y="${y}" width="${width.toFixed(1)}" height="16" fill="${label === 'Ottla' ? COLOURS[0] : '#94a3b8'}"/>`,
      `<text x="${(182 + width).toFixed(1)}" y="${y + 12}">${short(rate)}${unit}</text>`,
    ]
  }))
}

const PLOT = { left: 60, right: 580, top: 40, bottom: 240 }

/** Lines over the same x values; `series`: [label, figures], all in `unit`; the vertical axis begins at 0, or is logarithmic where figures differ widely. */
export function lineChart(title, unit, xs, series) {
  const most = Math.max(...series.flatMap(([, figures]) => figures))
  const x = (i) => PLOT.left + (xs.length === 1 ? 0 : i * (PLOT.right - PLOT.left) / (xs.length - 1))
  const least = Math.min(...series.flatMap(([, figures]) => figures))
  const isWide = least > 0 && most / least > 20
  const height = (value) => isWide ? Math.log(value / least * 1.2) / Math.log(most / least * 1.2) : value / most
  const y = (value) => PLOT.bottom - height(value) * (PLOT.bottom - PLOT.top)
  const marks = isWide ? [least, Math.sqrt(least * most), most] : [0, most / 2, most]
  const axes = [
    `<path d="M${PLOT.left} ${PLOT.top}V${PLOT.bottom}H${PLOT.right}" fill="none" stroke="#334155"/>`,
    ...marks.map((mark) => `<text x="${PLOT.left - 6}" y="${(y(mark) + 4).toFixed(1)}" text-anchor="end">${short(mark)}</text>`),
    `<text x="10" y="${PLOT.top - 6}" font-size="11">${escape(unit)}${isWide ? ', logarithmic' : ''}</text>`,
    ...xs.map((label, i) => `<text x="${x(i).toFixed(1)}" y="${PLOT.bottom + 16}" text-anchor="${i === 0 ? 'start' : i === xs.length - 1 ? 'end' : 'middle'}">${escape(label)}</text>`),
  ]
  const lines = series.flatMap(([label, figures], s) => {
    const colour = COLOURS[s % COLOURS.length]
    return [
      `<polyline points="${figures.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...figures.map((value, i) => `<circle cx="${x(i).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3" fill="${colour}"/>`),
      `<text x="${PLOT.left}" y="${PLOT.bottom + 36 + s * 16}" fill="${colour}">${escape(label)}: ${figures.map(short).join(', ')}</text>`,
    ]
  })
  return frame(title, PLOT.bottom + 44 + series.length * 16, [...axes, ...lines])
}
