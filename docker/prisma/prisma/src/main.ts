/** The prisma command: what LiteLLM calls to migrate its database, with arguments, texts and codes of Prisma's own. */
import { parseArgs } from 'node:util';
import { version } from './commands/version.js';
import { Failure, WrongUsage } from './failure.js';
import { print } from './output.js';

// A URL among the arguments holds a password, which the list of processes would show for as long as the command runs.
process.title = 'prisma';

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const HELP = { help: { type: 'boolean', short: 'h' } } as const;

type Given = Record<string, any>;

interface Command {
  does: string;
  options: Record<string, { type: 'string' | 'boolean'; short?: string }>;
  /** Loads the command, then runs it: each start pays for its own part only. */
  run: (given: Given) => Promise<void>;
}

const COMMANDS: Record<string, Command> = {
  'migrate deploy': {
    does: 'apply the migrations that the database does not have yet',
    options: { schema: TEXT },
    run: async (given) => (await import('./commands/deploy.js')).deploy(given),
  },
  'migrate resolve': {
    does: 'record a migration as applied, or a failed one as rolled back',
    options: { schema: TEXT, applied: TEXT, 'rolled-back': TEXT },
    run: async (given) => (await import('./commands/resolve.js')).resolve(given),
  },
  'migrate status': {
    does: 'compare the ledger of the database with the folder of migrations',
    options: { schema: TEXT },
    run: async (given) => (await import('./commands/status.js')).status(given),
  },
  'migrate diff': {
    does: 'show what leads from one schema to another',
    options: {
      ...both('empty', FLAG),
      ...both('url', TEXT),
      ...both('schema-datamodel', TEXT),
      ...both('schema-datasource', TEXT),
      ...both('migrations', TEXT),
      ...both('local-d1', FLAG),
      'shadow-database-url': TEXT,
      output: { ...TEXT, short: 'o' },
      script: FLAG,
      'exit-code': FLAG,
    },
    run: async (given) => (await import('./commands/diff.js')).diff(given),
  },
  'db execute': {
    does: 'run a SQL script',
    options: { schema: TEXT, url: TEXT, file: TEXT, stdin: FLAG },
    run: async (given) => (await import('./commands/execute.js')).execute(given),
  },
  'db push': {
    does: 'bring the database to the schema without migrations',
    options: { schema: TEXT, 'accept-data-loss': FLAG, 'force-reset': FLAG, 'skip-generate': FLAG },
    run: async (given) => (await import('./commands/push.js')).push(given),
  },
  generate: {
    does: 'say where the client is; there is nothing to generate in this image',
    options: { schema: TEXT, generator: TEXT },
    run: async (given) => (await import('./commands/generate.js')).generate(given),
  },
};

async function main(words: string[]): Promise<void> {
  if (words.length === 0 || ['-h', '--help', 'help'].includes(words[0]!)) return help();
  if (['-v', '--version', 'version'].includes(words[0]!)) return version();
  const name = [words.slice(0, 2).join(' '), words[0]!].find((candidate) => Object.hasOwn(COMMANDS, candidate));
  const command = name === undefined ? undefined : COMMANDS[name];
  if (name === undefined || command === undefined) {
    const known = Object.keys(COMMANDS).join(', ');
    throw new WrongUsage(`Unknown command "${words.slice(0, 2).join(' ')}". This command knows ${known}.`);
  }
  const given = read(command, words.slice(name.split(' ').length));
  if (given.help === true) return usage(name, command);
  await command.run(given);
}

function read(command: Command, words: string[]): Given {
  try {
    return parseArgs({ args: words, options: { ...command.options, ...HELP }, strict: true }).values;
  } catch (error) {
    // Never with the value of an argument, which may be a URL.
    const option = /'(--?[\w-]+)/.exec((error as Error).message)?.[1];
    throw new WrongUsage(
      option === undefined ? 'unexpected argument' : `unknown, unexpected or incomplete option: ${option}`,
    );
  }
}

function both(kind: string, type: typeof TEXT | typeof FLAG): Command['options'] {
  return { [`from-${kind}`]: type, [`to-${kind}`]: type };
}

function help(): void {
  print('The part of the prisma command that LiteLLM uses, without native engines.\n\nUsage\n');
  for (const [name, { does }] of Object.entries(COMMANDS)) print(`  $ prisma ${name.padEnd(16)} ${does}`);
  print('\n  $ prisma COMMAND --help');
}

function usage(name: string, command: Command): void {
  print(`${command.does}\n\nUsage\n\n  $ prisma ${name} [options]\n\nOptions\n`);
  for (const [option, { type }] of Object.entries(command.options))
    print(`  --${option}${type === 'string' ? ' VALUE' : ''}`);
}

main(process.argv.slice(2)).then(
  () => end(process.exitCode),
  (error: unknown) => {
    const text = error instanceof Failure ? error.text : `Error: ${(error as Error).stack}`;
    process.stderr.write(`${text}\n`, () => end(process.exitCode || 1));
  },
);

/** Ends the process, for which the engine's timers would wait ten more seconds, once a pipe has taken all output. */
function end(code: typeof process.exitCode): void {
  process.stdout.write('', () => process.exit(code));
}
