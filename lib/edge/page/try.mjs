/*
 * The script of the page that tries a model: a form from the columns of the contract, and what is answered.
 */

const byId = (id) => document.getElementById(id)
const bytesOf = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value)
  element.append(...children)
  return element
}

/** The model: from what this page holds, so that it works opened as a file; else from the folder that it lies in. */
async function open({ module, files }) {
  if (module === undefined)
    return (await import(new URL('slipway-edge.js', location.href).href)).load(new URL('.', location.href))
  const url = URL.createObjectURL(new Blob([bytesOf(module)], { type: 'text/javascript' }))
  const { load } = await import(url)
  return load(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, bytesOf(text)])))
}

/** How a column is asked for: what is shown of its contract, its control, and how its value is read from that. */
function controlOf(column, texts) {
  const { name, type, nullable } = column
  const limits = [
    ['from', column.minimum],
    ['above', column.exclusiveMinimum],
    ['to', column.maximum],
    ['below', column.exclusiveMaximum],
  ]
  const range = limits.map(([word, limit]) => (limit === undefined ? '' : ` ${word} ${limit}`)).join('')
  const values = column.enum ?? (type === 'boolean' ? [true, false] : undefined)
  if (values !== undefined) {
    const options = [
      ...(nullable ? [make('option', { value: '' }, '(missing)')] : []),
      ...values.map((value, i) => make('option', { value: String(i) }, String(value))),
    ]
    const control = make('select', { name }, ...options)
    return {
      control,
      hint: type === 'boolean' ? type : `one of ${values.length}`,
      set: (value) => {
        control.value = value === null ? '' : String(values.indexOf(value))
      },
      get: () => (control.value === '' ? null : values[Number(control.value)]),
    }
  }
  if (type === 'timestamp') {
    const control = make('input', { name, type: 'datetime-local', step: 'any' })
    const set = (value) => {
      control.value = value === null ? '' : new Date(value).toISOString().slice(0, 19)
    }
    return { control, hint: 'time, UTC', set, get: () => (control.value === '' ? null : `${control.value}Z`) }
  }
  if (type === 'number' || type === 'integer') {
    const control = make('input', { name, type: 'text', inputmode: 'decimal' })
    const set = (value) => {
      control.value = value === null ? '' : String(type === 'number' ? Number(value.toPrecision(6)) : value)
    }
    const get = () =>
      control.value.trim() === '' ? null : Number.isNaN(Number(control.value)) ? control.value : Number(control.value)
    return { control, hint: `${type}${range}`, set, get }
  }
  const list = make(
    'datalist',
    { id: `known-${name}` },
    ...texts.slice(0, 100).map((text) => make('option', { value: text })),
  )
  const control = make('input', { name, type: 'text', list: texts.length > 0 ? list.id : undefined })
  if (texts.length > 0) document.body.append(list)
  return {
    control,
    hint: type === 'bigint' ? `whole number${range}` : 'text',
    set: (value) => {
      control.value = value ?? ''
    },
    get: () => (control.value === '' && nullable ? null : control.value),
  }
}

const percent = (share) => `${(share * 100).toFixed(share > 0.001 && share < 0.999 ? 1 : 3)} %`
const bar = (share) => {
  const filled = make('i')
  filled.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`
  return make('div', { class: 'track' }, filled)
}

function shown({ probability, score, prediction = score, predictions, label, probabilities, answer }, classes) {
  const extra = answer === undefined ? [] : [make('p', {}, `answer: ${answer}`)]
  if (probabilities !== undefined)
    return [
      make('div', { class: 'number' }, label),
      ...classes.flatMap((name, i) => [
        make(
          'div',
          { class: name === label ? 'class first' : 'class' },
          make('span', {}, name),
          make('span', {}, percent(probabilities[i])),
        ),
        bar(probabilities[i]),
      ]),
      ...extra,
    ]
  if (probability !== undefined)
    return [make('div', { class: 'number' }, percent(probability)), bar(probability), ...extra]
  const number = (value) =>
    make('div', { class: 'number' }, value.toLocaleString('en', { maximumSignificantDigits: 6 }))
  if (predictions === undefined) return [number(prediction), ...extra]
  const each = ([name, value]) => [make('div', { class: 'class' }, name), number(value)]
  return [...Object.entries(predictions).flatMap(each), ...extra]
}

try {
  const embedded = JSON.parse(byId('embedded').textContent)
  const model = await open(embedded)
  byId('about').append()
  byId('about').textContent =
    `${model.engine === 'compiled' ? 'compiled trees' : 'ONNX Runtime'}, scored on this device; `
  byId('about').append(make('code', {}, model.digest.slice(7, 19)))
  byId('target').textContent = model.target
  const { rows, texts } = embedded
  const controls = model.columns.map((column) => ({ column, ...controlOf(column, texts[column.name] ?? []) }))
  for (const { column, control, hint } of controls)
    byId('row').append(
      make('label', {}, make('b', {}, column.name), ` ${hint}${column.nullable ? ', may be missing' : ''}`, control),
    )
  let next = 0
  const fill = () => {
    const row = rows[next++ % rows.length]
    for (const { column, set } of controls) set(row[column.name] ?? null)
    void answer()
  }
  let asked = 0
  async function answer() {
    const number = ++asked
    const row = Object.fromEntries(controls.map(({ column, get }) => [column.name, get()]))
    const begun = performance.now()
    const [found, problem] = await model.predict([row]).then(
      ([only]) => [only],
      (error) => [undefined, error],
    )
    // An answer that comes after a later question is nobody's.
    if (number !== asked) return
    const took = performance.now() - begun
    if (problem !== undefined)
      byId('answer').replaceChildren(
        make('p', { class: 'bad', id: 'problem' }, problem.message.replace(/^rows\[0\]\./, '')),
      )
    else
      byId('answer').replaceChildren(
        ...shown(found, model.classes),
        make('p', { class: 'soft' }, `in ${took < 1 ? '< 1' : took.toFixed(0)} ms`),
      )
  }
  const another = make('button', { type: 'button' }, 'another row')
  another.addEventListener('click', fill)
  byId('row').append(another)
  byId('row').addEventListener('input', answer)
  byId('row').addEventListener('submit', (event) => event.preventDefault())
  fill()
} catch (error) {
  byId('about').replaceChildren(make('span', { class: 'bad' }, String(error.message ?? error)))
  if (location.protocol === 'file:')
    byId('about').append(' Open this page from a server: npx http-server, python3 -m http.server, or any other.')
}
