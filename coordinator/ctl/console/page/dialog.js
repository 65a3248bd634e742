// Asks before something is changed, and wants to know why: the reason goes into the coordinator's
// log, and into a connection's history.
import { h, replace } from './dom.js';

const toastMs = 4000;

let number = 0;

// fields: [{name, label, type, value, min, max}] beside the reason. act({reason, ...fields}) is
// awaited while the dialog stands; what it throws is shown there. Resolves to its result, or to
// undefined when the operator thinks better of it.
export function confirmAction({ title, explanation, verb, danger = false, fields = [], act }) {
  return new Promise((resolve) => {
    const id = `dialog-${++number}`;
    const before = document.activeElement;
    const problem = h('p.problem', { role: 'alert' });
    const reason = h('textarea', {
      id: `${id}-reason`,
      rows: '2',
      required: true,
      maxlength: '200',
      placeholder: 'Such as: ticket 123, stuck since the rollout',
    });
    const inputs = fields.map((field) =>
      h('input', {
        id: `${id}-${field.name}`,
        type: field.type ?? 'text',
        min: field.min,
        max: field.max,
        value: field.value,
      }),
    );
    const go = h(`button${danger ? '.danger' : '.primary'}`, { type: 'submit' }, verb);
    const cancel = h('button', { type: 'button', onclick: () => end() }, 'Cancel');
    const form = h(
      'form',
      { novalidate: true },
      h('h2', { id: `${id}-title` }, title),
      h('p', { id: `${id}-text` }, explanation),
      fields.map((field, index) =>
        h('div.field', {}, h('label', { for: `${id}-${field.name}` }, field.label), inputs[index]),
      ),
      h('div.field', {}, h('label', { for: `${id}-reason` }, 'Why'), reason),
      problem,
      h('div.buttons', {}, cancel, go),
    );
    const dialog = h(
      'dialog',
      { 'aria-labelledby': `${id}-title`, 'aria-describedby': `${id}-text` },
      form,
    );

    let result;
    function end() {
      dialog.close();
    }
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(result);
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (reason.value.trim() === '') {
        replace(problem, 'Say why: it goes into the log and the history.');
        reason.focus();
        return;
      }
      const given = Object.fromEntries(fields.map((field, i) => [field.name, inputs[i].value]));
      go.disabled = true;
      try {
        result = await act({ ...given, reason: reason.value.trim() });
        end();
      } catch (error) {
        replace(problem, error.message);
      } finally {
        go.disabled = false;
      }
    });
    document.body.append(dialog);
    dialog.showModal();
    reason.focus();
  });
}

// A sentence that goes away by itself.
export function say(sentence) {
  const toast = h('p.toast', {}, sentence);
  document.getElementById('toasts').append(toast);
  setTimeout(() => toast.remove(), toastMs);
}
