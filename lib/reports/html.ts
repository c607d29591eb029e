/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

const style = `
:root{--ground:#fbfaf7;--paper:#ffffff;--ink:#1d2430;--soft:#667080;--line:#e2e0d8;--then:#a8b3c2;--now:#0f6e84;--bad:#b3261e;--good:#2f6b3a}
@media(prefers-color-scheme:dark){:root{--ground:#14171c;--paper:#1b1f26;--ink:#e7e9ec;--soft:#98a2b0;--line:#2d333d;--then:#56616f;--now:#4bb3c9;--bad:#ff8a80;--good:#8fce9b}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:17px;margin:36px 0 10px}
h3{font-size:14px;margin:0 0 2px}
p{margin:0 0 8px}
.soft{color:var(--soft)}
.bad{color:var(--bad);font-weight:600}
.good{color:var(--good);font-weight:600}
.verdict{font-size:17px;padding:14px 16px;background:var(--paper);border-left:4px solid var(--good);margin:18px 0}
.verdict.alarm{border-color:var(--bad)}
table{border-collapse:collapse;width:100%;background:var(--paper);font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:13px}
td.number,th.number{text-align:right}
.scroll{overflow-x:auto}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(310px,1fr));gap:14px}
.card{background:var(--paper);border:1px solid var(--line);padding:12px 14px}
.wide{grid-column:span 2}
.all{grid-column:1/-1}
@media(max-width:720px){.wide{grid-column:auto}}
svg{display:block;width:100%;height:auto;font:10px system-ui,sans-serif}
svg .then{fill:var(--then)} svg .now{fill:var(--now)} svg .axis{stroke:var(--line)} svg text{fill:var(--soft)}
svg .path{fill:none;stroke:var(--now);stroke-width:1.4} svg .guess{fill:none;stroke:var(--then);stroke-width:1.2;stroke-dasharray:4 3}
svg .then-line{fill:none;stroke:var(--then);stroke-width:1.4} svg .guess-line{fill:none;stroke:var(--soft);stroke-width:1;stroke-dasharray:4 3}
svg .bar{stroke:var(--then);stroke-width:3;stroke-linecap:round}
svg .limit{stroke:var(--bad);stroke-width:1;stroke-dasharray:3 3} svg .dot{fill:var(--now)} svg .dot.bad{fill:var(--bad)}
.key i{display:inline-block;width:10px;height:10px;margin:0 5px 0 12px}
.key i:first-child{margin-left:0}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
`

/** A page that needs nothing else: no script, no font, no request. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><main>${body}</main></body></html>
`
}
