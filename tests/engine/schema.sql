-- The tables of schema.prisma, written by hand as Prisma Migrate would make them.
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE "Role" AS ENUM ('READER', 'WRITER', 'OWNER');
CREATE TYPE mood_type AS ENUM ('CALM', 'so-so');
CREATE DOMAIN short_text AS text CHECK (length(VALUE) < 20);

CREATE TABLE "User" (
    id text PRIMARY KEY,
    name text NOT NULL,
    email text,
    balance integer NOT NULL DEFAULT 0,
    points double precision NOT NULL DEFAULT 0,
    role "Role" NOT NULL DEFAULT 'READER',
    created timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX "User_email_key" ON "User" (email);

CREATE TABLE "Profile" (
    id serial PRIMARY KEY,
    bio text NOT NULL,
    country text NOT NULL DEFAULT 'Scotland',
    city text,
    views integer NOT NULL DEFAULT 0,
    user_id text NOT NULL,
    CONSTRAINT "Profile_user_id_fkey" FOREIGN KEY (user_id) REFERENCES "User" (id)
        ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "Profile_user_id_key" ON "Profile" (user_id);

CREATE TABLE "Post" (
    id text PRIMARY KEY,
    title text NOT NULL,
    description text,
    published boolean NOT NULL DEFAULT false,
    views integer NOT NULL DEFAULT 0,
    created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp(3) NOT NULL,
    author_id text,
    CONSTRAINT "Post_author_id_fkey" FOREIGN KEY (author_id) REFERENCES "User" (id)
        ON DELETE SET NULL ON UPDATE CASCADE
);

CREATE TABLE "Category" (id serial PRIMARY KEY, name text NOT NULL);
CREATE UNIQUE INDEX "Category_name_key" ON "Category" (name);

CREATE TABLE "_CategoryToPost" (
    "A" integer NOT NULL REFERENCES "Category" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    "B" text NOT NULL REFERENCES "Post" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "_CategoryToPost_AB_unique" ON "_CategoryToPost" ("A", "B");
CREATE INDEX "_CategoryToPost_B_index" ON "_CategoryToPost" ("B");

CREATE TABLE "Tag" (name text PRIMARY KEY);
CREATE TABLE "Tagging" (
    post_id text NOT NULL,
    tag_id text NOT NULL,
    note text,
    PRIMARY KEY (post_id, tag_id),
    CONSTRAINT "Tagging_post_id_fkey" FOREIGN KEY (post_id) REFERENCES "Post" (id)
        ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Tagging_tag_id_fkey" FOREIGN KEY (tag_id) REFERENCES "Tag" (name)
        ON DELETE RESTRICT ON UPDATE CASCADE
);

CREATE TABLE "Person" (
    id serial PRIMARY KEY,
    name text NOT NULL,
    mentor_id integer REFERENCES "Person" (id) ON DELETE SET NULL ON UPDATE CASCADE,
    boss_id integer REFERENCES "Person" (id) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "Person_name_key" ON "Person" (name);
CREATE UNIQUE INDEX "Person_mentor_id_key" ON "Person" (mentor_id);
CREATE TABLE "_Friends" (
    "A" integer NOT NULL REFERENCES "Person" (id) ON DELETE CASCADE ON UPDATE CASCADE,
    "B" integer NOT NULL REFERENCES "Person" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "_Friends_AB_unique" ON "_Friends" ("A", "B");
CREATE INDEX "_Friends_B_index" ON "_Friends" ("B");

CREATE TABLE "Types" (
    id serial PRIMARY KEY,
    label text NOT NULL DEFAULT '',
    string text NOT NULL DEFAULT 'plain',
    flag boolean NOT NULL DEFAULT false,
    integer integer NOT NULL DEFAULT 0,
    bigint bigint NOT NULL DEFAULT 0,
    float_ double precision NOT NULL DEFAULT 0,
    decimal_ decimal(65, 30) NOT NULL DEFAULT 1,
    moment timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    bytes bytea NOT NULL DEFAULT '\x61',
    json_obj jsonb NOT NULL DEFAULT '{}',
    mood mood_type NOT NULL DEFAULT 'CALM',
    opt_string text,
    opt_flag boolean,
    opt_integer integer,
    opt_bigint bigint,
    opt_float double precision,
    opt_decimal decimal(65, 30),
    opt_moment timestamp(3),
    opt_bytes bytea,
    opt_json jsonb,
    opt_mood mood_type
);

CREATE TABLE "Lists" (
    id serial PRIMARY KEY,
    strings text[],
    flags boolean[],
    ints integer[],
    bigints bigint[],
    floats double precision[],
    decimals decimal(65, 30)[],
    moments timestamp(3)[],
    bytes bytea[],
    jsons jsonb[],
    moods mood_type[]
);

CREATE TABLE "Natives" (
    id serial PRIMARY KEY,
    char_ char(8),
    varchar_ varchar(12),
    uuid_ uuid,
    inet_ inet,
    bit_ bit(4),
    varbit_ varbit(8),
    xml_ xml,
    citext_ citext,
    small_ smallint,
    oid_ oid,
    real_ real,
    numeric_ decimal(12, 4),
    money_ money,
    stamp_ timestamp(6),
    stamptz_ timestamptz(6),
    date_ date,
    time_ time(6),
    timetz_ timetz(6),
    json_ json,
    uuids uuid[],
    stamptzs timestamptz(6)[]
);

CREATE TABLE "Defaults" (
    id text PRIMARY KEY,
    serial bigserial NOT NULL,
    cuid_ text NOT NULL,
    db_uuid uuid NOT NULL DEFAULT gen_random_uuid(),
    now_ timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    db_now timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
    touched timestamp(3) NOT NULL,
    text text NOT NULL DEFAULT 'it''s "quoted" \ and {braced}',
    flag boolean NOT NULL DEFAULT true,
    huge bigint NOT NULL DEFAULT 9223372036854775807,
    ratio double precision NOT NULL DEFAULT 0.1,
    price decimal(65, 30) NOT NULL DEFAULT 12.50,
    role "Role" NOT NULL DEFAULT 'WRITER',
    mood mood_type NOT NULL DEFAULT 'so-so',
    json_obj jsonb NOT NULL DEFAULT '{"a": [1, null]}',
    tags text[] DEFAULT ARRAY['x', 'y'],
    note text
);

CREATE TABLE "Seat" ("row" integer NOT NULL, number integer NOT NULL, holder text, PRIMARY KEY ("row", number));

CREATE TABLE "Booking" (
    id serial PRIMARY KEY,
    room text NOT NULL,
    day date NOT NULL,
    role "Role" NOT NULL,
    code bigint NOT NULL,
    guest text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX "Booking_room_day_key" ON "Booking" (room, day);
CREATE UNIQUE INDEX "Booking_role_code_key" ON "Booking" (role, code);

CREATE TABLE "renamed table" (
    "the key" text PRIMARY KEY,
    "Text Value" text NOT NULL,
    parent_key text REFERENCES "renamed table" ("the key") ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE UNIQUE INDEX renamed_text_parent ON "renamed table" ("Text Value", parent_key);

CREATE TABLE "Peculiar" (id serial PRIMARY KEY, title text NOT NULL, search tsvector, area box);

CREATE TABLE "Owner" (id integer PRIMARY KEY);
CREATE TABLE "Pet" (
    id integer PRIMARY KEY,
    owner_id integer UNIQUE,
    CONSTRAINT "Pet_owner_id_fkey" FOREIGN KEY (owner_id) REFERENCES "Owner" (id) ON DELETE SET NULL
);
CREATE TABLE "Goat" (
    id integer PRIMARY KEY,
    owner_id integer NOT NULL,
    CONSTRAINT "Goat_owner_id_fkey" FOREIGN KEY (owner_id) REFERENCES "Owner" (id) ON DELETE RESTRICT
);

CREATE TABLE "Device" (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
CREATE TABLE "Part" (
    id bigserial PRIMARY KEY,
    made timestamptz(6) NOT NULL,
    device_id uuid REFERENCES "Device" (id) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "Part_made_key" ON "Part" (made);

CREATE TABLE "Bulk" (id integer PRIMARY KEY, payload text NOT NULL, amount integer NOT NULL);

CREATE TABLE "Halved" (id integer PRIMARY KEY, name text NOT NULL);
