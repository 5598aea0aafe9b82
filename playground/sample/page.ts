/** The sample app's answer as a page for browsers: the chain of services that took part. */
import type { SampleAnswer } from './service.ts'

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 44rem; padding: 0 1rem;
         color: #1c2430; background: #f7f8fa }
  ol { list-style: none; padding-left: 0 } ol ol { padding-left: 2rem; border-left: 2px solid #d4d9e2 }
  .hop { background: #fff; border: 1px solid #d4d9e2; border-radius: 8px; padding: .6rem 1rem; margin: .5rem 0 }
  .hop b { margin-right: .6rem } .space { float: right; color: #566174 }
  .bad { border-color: #c62f2f; color: #9c1f1f }`

export function answerPage(answer: SampleAnswer): string {
  const title = `${escapeHtml(answer.service)} ${escapeHtml(answer.version)}`
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head>
<body>
<h1>Who answered?</h1>
<p>Each box is a service that took part in this request, with the version and the space that it ran in.</p>
<ol>${hop(answer)}</ol>
</body>
</html>
`
}

function hop({ service, version, space, status, error, calls }: SampleAnswer): string {
  const bad = status >= 400 ? ' bad' : ''
  const below = calls.length > 0 ? `<ol>${calls.map(hop).join('')}</ol>` : ''
  const what = error === undefined ? escapeHtml(version) : escapeHtml(error)
  return `<li><div class="hop${bad}"><b>${escapeHtml(service)}</b>${what}<span class="space">${escapeHtml(space)}</span></div>${below}</li>`
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
