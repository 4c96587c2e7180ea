/** The engine's commit, under which Prisma publishes it; Prisma 6.19.3 ships the same file. */
export const ENGINE_VERSION = 'c2990dca591cba766e3b7ef5d9e8a84796e47ab7';
