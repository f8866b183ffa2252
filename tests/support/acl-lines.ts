/**
 * acl-lines: commands about users and rights whose replies are the same bytes on every server, one a line.
 *
 * "name> " in front says which connection sends it (default: a). Words in double quotes are JSON strings. A connection
 * that the server closes is opened anew. Not here: what shows times, addresses and ids.
 */
export const ACL_LINES: readonly string[] = String.raw`
flushall
config set acl-pubsub-default resetchannels
acl setuser newuser
acl users
acl list
acl whoami
acl getuser newuser
acl getuser default
acl getuser nobody
acl setuser "a a"
acl setuser "a\u0000a"
acl setuser newuser >passwd1
b> auth newuser passwd1
acl setuser newuser on +acl
b> auth newuser passwd1
b> acl whoami
b> get x
b> set x y
b> acl setuser newuser >passwd2
b> ACL setuser newuser <passwd1
b> auth newuser passwd1
acl setuser newuser <passwd1
acl setuser newuser #34344e4d60c2b6d639b7bd22e18f2b0b91bc34bf0ac5f9952744435093cfb4e
acl setuser newuser #34344e4d60c2b6d639b7bd22e18f2b0b91bc34bf0ac5f9952744435093cfb4e6
b> auth newuser passwd4
acl getuser newuser
acl setuser newuser !34344e4d60c2b6d639b7bd22e18f2b0b91bc34bf0ac5f9952744435093cfb4e6
acl setuser newuser !zz
acl getuser newuser
acl setuser newuser +set
b> set foo bar
acl setuser newuser allcommands ~foo:* ~bar:*
b> set foo:1 a
b> mget foo:1 zap
b> mset foo:1 a zap b
b> del bar:1 bar:2 xx
b> copy foo:1 foo:2
b> copy foo:1 yy
b> copy foo:1 foo:2 db 3
acl setuser newuser +bad
acl setuser newuser +@bad
acl setuser newuser -get|x
acl setuser newuser +get|
acl setuser newuser +config|get|x
acl setuser newuser +config|nope
acl setuser newuser +get|k1|k2
acl setuser newuser +get|k1
acl setuser newuser allkeys ~x
acl setuser newuser allchannels &x
acl setuser newuser % 
acl setuser newuser %~ 
acl setuser newuser %R
acl setuser newuser %RR~x
acl setuser newuser %rw~x
acl setuser newuser "~a b"
acl setuser newuser "&a b"
acl setuser newuser db=
acl setuser newuser db=,1
acl setuser newuser db=1,,2
acl setuser newuser db=99999999999999999999
acl setuser newuser db=-1
acl setuser newuser db=abc
acl setuser newuser db=3,1,2,2
acl getuser newuser
acl setuser newuser alldbs
acl setuser newuser (
acl setuser newuser )
acl setuser newuser (+get ~x)
acl setuser newuser ( +set ~y ) (+@read
acl setuser newuser ( +set ~y ) (+@read ~z)
acl setuser newuser "(on)"
acl setuser newuser "(+get ~foo bar)"
acl list
acl getuser newuser
acl setuser newuser clearselectors
acl setuser newuser reset
acl list
acl setuser u2 on nopass -@all +@all -@hash -@slow +hget
acl getuser u2
acl setuser u2 -@hash
acl getuser u2
acl setuser u2 +@hash
acl list
acl setuser u2 -@all
acl setuser u2 -@string -@slow +@all
acl list
acl setuser u2 -@all +@HASH +@hash +HGET +hGeT +client|list +CLIENT|LIST +config|get
acl setuser u2 +config +acl|list -acl +select|0 +SELECT|0 +debug|segfault +debug
acl list
acl setuser u2 -@all +config +config|get -config|set +config
acl list
acl setuser u2 +client|nope
acl cat
acl cat zzz
acl cat a b
acl genpass -1
acl genpass 5000
acl genpass x
acl genpass 1 2
acl nope
acl
acl load
acl save
acl deluser default
acl deluser default newuser
acl deluser nope
acl setuser c1 on nopass +acl|whoami
c> auth c1 x
c> acl whoami
c> acl list
c> ping
c> reset
c> acl whoami
c> auth c1 y
acl deluser c1 nope
c> ping
d> hello 2 auth default
d> client getname
d> auth foo
d> auth a b c
d> acl getuser u2
d> acl getuser nope
acl setuser r on nopass %R~read* %W~write* %RW~rw* +@all
acl dryrun r get read
acl dryrun nope get read
acl dryrun r nope read
acl dryrun r get
acl dryrun r get a b
acl dryrun r get x
acl dryrun r mget read1 read2 write
acl dryrun r mget read1 rw2
acl dryrun r MIGRATE whatever whatever rw 0 500
acl dryrun r MIGRATE whatever whatever read 0 500
acl dryrun r MIGRATE whatever whatever "" 0 5000 KEYS rw
acl dryrun r MIGRATE whatever whatever "" 0 5000 KEYS read
acl dryrun r MIGRATE whatever whatever "" 0 5000 AUTH KEYS KEYS rw
acl dryrun r MIGRATE whatever whatever "" 0 5000 AUTH2 KEYS 123 KEYS write
acl dryrun r SORT read STORE write
acl dryrun r SORT read STORE read
acl dryrun r SORT write STORE write
acl dryrun r SORT write STORE
acl dryrun r EVAL "" 1 rw1
acl dryrun r EVAL "" 1 read
acl dryrun r EVAL_RO "" 1 read
acl dryrun r EVAL "" 0 read
acl dryrun r EVAL "" -1 read
acl dryrun r EVAL "" 3 rw rw
acl dryrun r EVAL "" 1x foo
acl dryrun r EVAL "" 1x rw
acl dryrun r GEORADIUS read 1 1 1 M STOREDIST write
acl dryrun r GEORADIUS read 1 1 1 M STOREDIST read
acl dryrun r GEORADIUS read 1 1 1 M STORE write STORE nope
acl dryrun r GEORADIUS read 1 1 1 M
acl dryrun r GEORADIUSBYMEMBER read 1 1 M STORE foo
acl dryrun r set writek v
acl dryrun r set writek v get
acl dryrun r set rwk v get
acl dryrun r set readk v
acl dryrun r bitfield read get u4 0
acl dryrun r bitfield read set u4 0 1
acl dryrun r bitfield write set u4 0 1
acl dryrun r bitfield rw set u4 0 1
acl dryrun r xread streams read 0
acl dryrun r xread streams nope 0
acl dryrun r xread count 1 streams read read2 0 0
acl dryrun r xread count 1 streams read nope 0 0
acl dryrun r xread streams nope
acl dryrun r xreadgroup group g c streams read >
acl dryrun r xreadgroup group g c streams nope >
acl dryrun r zunionstore write 2 read read2
acl dryrun r zunionstore read 2 read read2
acl dryrun r zunionstore write 2 read nope
acl dryrun r zunionstore write x read nope
acl dryrun r zunion 2 read nope
acl dryrun r lmpop 2 rw rw left
acl dryrun r blmpop 0 2 rw nope left
acl dryrun r bitop and write read read1
acl dryrun r bitop and write read nope
acl dryrun r rename rw write
acl dryrun r rename rw read
acl dryrun r lmove rw write left left
acl dryrun r object encoding read
acl dryrun r object encoding nope
acl dryrun r memory usage read
acl dryrun r memory usage nope
acl dryrun r msetex 2 write a write1 b
acl dryrun r msetex 2 write a read b
acl dryrun r mset write a write1 b
acl dryrun r mset write a read b
acl dryrun r publish foo bar
acl dryrun r subscribe foo bar
acl dryrun r psubscribe foo* bar
acl dryrun r flushall
acl dryrun r select 3
acl setuser ch on nopass +@all &foo &bar*
acl dryrun ch publish foo x
acl dryrun ch publish bar1 x
acl dryrun ch publish x x
acl dryrun ch subscribe foo barx nope
acl dryrun ch psubscribe bar* foo
acl dryrun ch psubscribe bar1
acl dryrun ch unsubscribe zap
acl dryrun ch spublish foo x
acl dryrun ch ssubscribe zip
acl setuser db on nopass +@all ~* db=0,1
acl dryrun db select 1
acl dryrun db select 2
acl dryrun db select 99
acl dryrun db swapdb 0 1
acl dryrun db swapdb 0 2
acl dryrun db swapdb 3 2
acl dryrun db move k 1
acl dryrun db move k 2
acl dryrun db copy a b db 2
acl dryrun db copy a b db 1 db 2
acl dryrun db copy a b db 2 db 1
acl dryrun db copy a b replace db 1
acl dryrun db copy a b db
acl dryrun db copy a b foo 2
acl dryrun db flushall
acl dryrun db get x
acl dryrun db keys *
acl dryrun db ping
acl setuser db db=1
acl dryrun db get x
acl dryrun db keys *
acl dryrun db dbsize
acl dryrun db flushdb
acl dryrun db ping
acl dryrun db randomkey
acl dryrun db scan 0
acl dryrun db move k 1
acl setuser db (+get db=0 ~x) (+mget ~y ~z)
acl dryrun db get x
acl dryrun db get y
acl dryrun db mget y x
acl dryrun db mget x y
acl dryrun db set x 1
acl setuser sel on nopass +mget ~key (+mget ~key ~otherkey)
e> auth sel x
e> get key
e> mget otherkey someotherkey
e> mget key otherkey someotherkey
acl setuser fa on nopass +select|0 +get|k +debug|object ~*
f> auth fa x
f> select 0
f> select 1
f> get k
f> get K
f> get z
acl setuser fa -select
f> select 0
acl list
f> get 1
f> get 2
f> get 3
f> get 4
config set requirepass foo
acl list
g> ping
g> auth foo
g> auth bar
g> ping
config get requirepass
acl setuser default nopass
config get requirepass
config set requirepass ""
acl list
acl setuser default off
h> ping
h> auth default x
h> hello 3
acl setuser default on
acl setuser default -@all +acl
i> get x
i> ping
i> auth default x
acl setuser default +@all
i> get x
acl setuser default resetkeys
i> get x
i> reset
i> set x 1
acl setuser default ~*
config set acl-pubsub-default allchannels
acl setuser nd
acl getuser nd
acl setuser nd &x
acl setuser nd reset
acl list
config set acl-pubsub-default resetchannels
acl setuser nd reset
acl list
acl setuser self on nopass +@all
j> auth self x
j> acl deluser self
acl setuser dash|x on
acl setuser "" on
acl users
acl getuser ""
acl list
acl setuser nd ""
acl setuser nd sanitize-payload skip-sanitize-payload
acl setuser nd "on\u0000x"
acl setuser nd ON NOPASS ALLKEYS AllCommands
acl list
acl setuser nd RESET
acl list
`.trim().split("\n");

/** A line as its connection's name and the command's words. */
export function parseLine(line: string): { name: string; words: string[] } {
  const [, name = "a", text] = /^(?:(\w+)> )?(.*)$/.exec(line)!;
  const words = [...text.matchAll(/("(?:\\.|[^"\\])*")|(\S+)/g)];
  return { name, words: words.map(([, quoted, plain]) => (quoted ? JSON.parse(quoted) as string : plain)) };
}
