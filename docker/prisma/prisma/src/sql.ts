/** How a migration script may be run, read from its statements. */

/**
 * `atomic`: in one transaction together with its ledger row.
 * `repeatable`: one statement that PostgreSQL runs outside transactions only, and that may be run again.
 * `other`: sent as it is, its ledger row before and after it, as Prisma's native engine does with every script.
 */
type Manner = 'atomic' | 'repeatable' | 'other';

const REPEATABLE = /^(CREATE (UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS|DROP INDEX CONCURRENTLY IF EXISTS) /i;
const TRANSACTIONS = /^(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE TRANSACTION)\b/i;
const ALONE =
  /^(VACUUM|CLUSTER|REINDEX|CALL|DISCARD|ALTER SYSTEM|(CREATE|ALTER|DROP) (DATABASE|TABLESPACE|SUBSCRIPTION))\b/i;

export function mannerOf(script: string): Manner {
  const statements = split(script);
  if (statements.length === 1 && REPEATABLE.test(statements[0]!)) return 'repeatable';
  const special = (text: string): boolean =>
    TRANSACTIONS.test(text) || ALONE.test(text) || /\bCONCURRENTLY\b/i.test(text);
  return statements.some(special) ? 'other' : 'atomic';
}

/** The name of the index that a repeatable statement builds, as written and so quoted where it has to be. */
export function indexOf(script: string): string | undefined {
  const [statement = ''] = split(script, true);
  return /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS ("(?:[^"]|"")+"|\w+) ON /i.exec(statement)?.[1];
}

const COMMENT = /--[^\n]*/y;
const QUOTED = /[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'/sy;
const NAME = /"(?:[^"]|"")*"/sy;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;

/** The statements of `script`: no comments, single spaces, emptied literals and (but with `names`) quoted names. */
export function split(script: string, names = false): string[] {
  const statements: string[] = [];
  let statement = '';
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(script)?.[0];
  };
  while (at < script.length) {
    let token: string | undefined;
    if ((token = match(COMMENT)) !== undefined) statement += ' ';
    else if (script.startsWith('/*', at)) [token, statement] = [blockComment(script, at), `${statement} `];
    else if ((token = match(QUOTED)) !== undefined) statement += "''";
    else if ((token = match(NAME)) !== undefined) statement += names ? token : '""';
    else if ((token = match(DOLLAR)) !== undefined) {
      const end = script.indexOf(token, at + token.length);
      token = script.slice(at, end < 0 ? script.length : end + token.length);
      statement += "''";
    } else if ((token = match(WORD)) !== undefined) statement += token;
    else {
      token = script[at]!;
      if (token === ';') {
        statements.push(statement);
        statement = '';
      } else statement += token;
    }
    at += token.length;
  }
  return [...statements, statement].map((text) => text.replace(/\s+/g, ' ').trim()).filter((text) => text !== '');
}

/** The comment that begins at `from`; comments nest. */
function blockComment(script: string, from: number): string {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = from;
  let depth = 0;
  for (let found = edge.exec(script); found !== null; found = edge.exec(script)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return script.slice(from, edge.lastIndex);
  }
  return script.slice(from);
}
