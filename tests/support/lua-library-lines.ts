/**
 * lua-library-lines: scripts that use Lua's libraries, and what they show (showing() below) on the real server.
 */

/** Scripts with what they show. */
type Lines = readonly (readonly [script: string, expected: string])[];

/** A script around another one: it returns what that one returns, each value as tostring has it. */
export function showing(script: string): string {
  const show = "local function show(...) local t = {...} for i = 1, select('#', ...) do t[i] = tostring(t[i]) end " +
    "return table.concat(t, ' ') end ";
  return `${show}return show((function() ${script} end)())`;
}

const failed = (text: string): string => `error: user_script:1: ${text}`;

/** A script that returns a text's bytes. */
const hex = (text: string): string =>
  `return (string.gsub(${text}, ".", function(c) return string.format("%02x", c:byte()) end))`;

/** What the real server takes long or gigabytes for. */
export const HEAVY_LINES: Lines = [
  [`return #string.rep("", 2^30)`, "0"],
  [`return string.rep("x", 2^30)`, failed("resulting string too large")],
  [`return string.gsub(("x"):rep(100000), "x", ("y"):rep(100000))`, failed("resulting string too large")],
  [`return string.format(("%s"):rep(3), ("x"):rep(2^28), ("x"):rep(2^28), 1)`, failed("resulting string too large")],
  [`local t = {} for i = 1, 100 do t[i] = ("x"):rep(2^23) end return table.concat(t)`,
    failed("resulting string too large")],
  [`local t = {} for i = 1, 100 do t[i] = ("x"):rep(2^23) end return cjson.encode(t)`,
    failed("resulting string too large")],
  [`local t = {} for i = 1, 100 do t[i] = ("x"):rep(2^23) end return cmsgpack.pack(t)`,
    failed("resulting string too large")],
  [`local t = {1} table.insert(t, -2^31, 5) return t[1], t[2], t[-2^31]`, "nil 1 5"],
];

/** By library and by what it does. What is shown of a script that fails is "error: " and its message. */
export const LIBRARY_LINES: Record<string, Record<string, Lines>> = {
  "the library string": {
    "takes texts apart": [
      [`return string.byte("abc", 1, -1)`, "97 98 99"],
      [`return string.byte("abc", 4)`, ""],
      [`return string.sub("hello", -3, -2), ("x"):rep(3), ("abc"):reverse()`, "ll xxx cba"],
      [`return ("aZ\\228"):upper(), ("aZ\\196"):lower()`, "AZ\xe4 az\xc4"],
      [`return string.char(), string.char(104, 105)`, " hi"],
      [`return string.char(256)`, failed("bad argument #1 to 'char' (invalid value)")],
      [`return ("x"):rep({})`, failed("bad argument #1 to 'rep' (number expected, got table)")],
      [`return ("x").rep()`, failed("bad argument #1 to 'rep' (string expected, got no value)")],
      [`return string.byte(("x"):rep(9000), 1, -1)`, failed("stack overflow (string slice too long)")],
      [`return string.dump(pcall)`, failed("unable to dump given function")],
    ],
    "finds patterns": [
      [`return string.find("hello", "l+")`, "3 4"],
      [`return string.find("a.b", ".", 1, true)`, "2 2"],
      [`return string.find("hello", "")`, "1 0"],
      [`return string.find("hello", "xyz")`, "nil"],
      [`return string.match("key = value", "^(%w+)%s*=%s*(%w+)$")`, "key value"],
      [`return string.match("hello", "()ll()")`, "3 5"],
      [`return string.match("f(a(b)c)d", "%b()")`, "(a(b)c)"],
      [`return string.gsub("THE (quick) fox", "%f[%a]%a+", "X")`, "X (X) X 3"],
      [`return string.match("aba", "(a)b%1"), string.match("abc", "(a)b%1")`, "a nil"],
      [`return string.find("a\\0b", "%z"), string.match("]", "[]]"), string.match("a-", "[a-]+")`, "2 ] a-"],
      [`local t = {} for k, v in string.gmatch("a=1, b=2", "(%w+)=(%w+)") do t[#t+1] = k .. v end return unpack(t)`,
        "a1 b2"],
      [`return string.gsub("abc", "", "-")`, "-a-b-c- 4"],
      [`return string.gsub("abc", "%w", "%0%0", 2)`, "aabbc 2"],
      [`return string.gsub("abc", "(a)(b)", "%2%1")`, "bac 1"],
      [`return string.gsub("$a $b", "%$(%w)", {a = "1", b = false})`, "1 $b 2"],
      [`return string.gsub("abc", ".", function(c) if c ~= "b" then return c .. c end end)`, "aabcc 3"],
      [`return string.gsub("ab", ".", setmetatable({}, {__index = function(_, k) return k .. "!" end}))`, "a!b! 2"],
    ],
    "complains of patterns where it gets to what is wrong": [
      [`return string.find("b", "a%")`, "nil"],
      [`return string.find("a", "a%")`, failed("malformed pattern (ends with '%')")],
      [`return string.find("a", "[a")`, failed("malformed pattern (missing ']')")],
      [`return string.find("a", "%f")`, failed("missing '[' after '%f' in pattern")],
      [`return string.find("a", "%b")`, failed("unbalanced pattern")],
      [`return string.find("a", "(a")`, failed("unfinished capture")],
      [`return string.match("a", "a)")`, failed("invalid pattern capture")],
      [`return string.find("a", "%1")`, failed("invalid capture index")],
      [`return string.find("a", ("()"):rep(33))`, failed("too many captures")],
      [`return string.gsub("a", "a", "%1"), string.gsub("a", "a", "%2")`, failed("invalid capture index")],
      [`return string.gsub("a", "a", function() return {} end)`, failed("invalid replacement value (a table)")],
      [`return string.gsub("a", "a")`, failed("bad argument #3 to 'gsub' (string/function/table expected)")],
    ],
    "formats as C does": [
      [`return string.format("%5d|%-5d|%05d|%+d|% d|%.3d|%x|%#X|%o", 42, 42, 42, 42, 42, 42, 255, 255, 8)`,
        "   42|42   |00042|+42| 42|042|ff|0XFF|10"],
      [`return string.format("%g %g %g %g %G", 0.1, 1e20, 100000, 1e-5, 1e300)`, "0.1 1e+20 100000 1e-05 1E+300"],
      [`return string.format("%.0f %.0f %.0f %.1f %.2f", 0.5, 1.5, 2.5, 0.25, 2.675)`, "0 2 2 0.2 2.67"],
      [`return string.format("%.0e %.1e %.3g %#.3g %5.1f|", 25, 1.25, 1234.5, 1, -0.04)`,
        "2e+01 1.2e+00 1.23e+03 1.00  -0.0|"],
      [`return string.format("%.20f %.17g", 0.1, 0.1)`, "0.10000000000000000555 0.10000000000000001"],
      [`return string.format("%f", 1e22)`, "10000000000000000000000.000000"],
      [`return string.format("%g %f %05g %d", 1/0, -1/0, 1/0, 2^63)`, "inf -inf   inf -9223372036854775808"],
      [`return string.format("%5s|%-5s|%.2s|%c%c|%q|%%", "ab", "ab", "abc", 72, 105, 'a"\\n\\0')`,
        `   ab|ab   |ab|Hi|"a\\"\\\n\\000"|%`],
      [`return string.format("%s", ("x"):rep(200)) == ("x"):rep(200), #string.format("%.99f", 1e308)`, "true 409"],
      [`return string.format("%y", 1)`, failed("invalid option '%y' to 'format'")],
      [`return string.format("%------d", 1)`, failed("invalid format (repeated flags)")],
      [`return string.format("%123d", 1)`, failed("invalid format (width or precision too long)")],
      [`return string.format("%d")`, failed("bad argument #2 to 'format' (no value)")],
      [`return string.format("%d", "x")`, failed("bad argument #2 to 'format' (number expected, got string)")],
    ],
  },

  "the library table": {
    "adds, takes away and joins": [
      [`local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) return table.concat(t, ","), table.remove(t, 1), #t`,
        "0,1,2,3 0 3"],
      [`return table.remove({})`, ""],
      [`return table.concat({1, 2, 3}, "-", 2, 3), table.concat({}), table.maxn({[10] = 1, [2.5] = 2})`, "2-3  10"],
      [`return table.concat({1, {}, 3})`, failed("invalid value (table) at index 2 in table for 'concat'")],
      [`return table.insert({}, 1, 2, 3)`, failed("wrong number of arguments to 'insert'")],
      [`return table.setn({}, 1)`, failed("'setn' is obsolete")],
      [`return table.foreach({a = 5}, function(k, v) return k .. v end), table.foreachi({7, 8}, function(i, v)
        if i == 2 then return v end end), table.getn({1, 2})`, "a5 8 2"],
    ],
    "sorts": [
      [`local t = {3, 1, 2} table.sort(t) return unpack(t)`, "1 2 3"],
      [`local t = {"b", "a", "B", "\\255"} table.sort(t) return unpack(t)`, "B a b \xff"],
      [`local t = {3, 1, 2, 5, 4} table.sort(t, function(a, b) return a > b end) return unpack(t)`, "5 4 3 2 1"],
      [`local m = {__lt = function(a, b) return a.n < b.n end} local t = {} for i = 1, 9 do
        t[i] = setmetatable({n = i * 7 % 10}, m) end table.sort(t) return t[1].n, t[5].n, t[9].n`, "1 5 9"],
      [`table.sort({3, 1, "x"})`, "error: attempt to compare string with number"],
      [`table.sort({1, 2, 3, 4, 5, 6}, function() return true end)`, failed("invalid order function for sorting")],
      [`table.sort({2, 1}, function() error("no") end)`, failed("no")],
      [`local t = {} for i = 1, 20000 do t[i] = i end
        table.sort(t, function(a, b) return a > b end) return t[1], t[20000]`,
        "20000 1"],
    ],
  },

  "the libraries math and bit": {
    "compute": [
      [`return math.pi, math.huge, math.floor(-1.5), math.ceil(-0.5), math.max(1, 3, 2), math.min(2, 1)`,
        "3.1415926535898 inf -2 -0 3 1"],
      [`return math.modf(-3.25)`, "-3 -0.25"],
      [`return math.frexp(8)`, "0.5 4"],
      [`return math.ldexp(1, -1074) > 0, math.ldexp(3, -1075) == 2^-1073, math.ldexp(1, 2000),
        math.ldexp(2^-1074, 2000)`,
        "true true inf 5.6725193347083e+278"],
      [`return math.fmod(-5, 3), math.mod(5, 3), math.pow(2, 10), math.pow(1, 0/0), math.abs(-1)`, "-2 2 1024 1 1"],
      [`return math.pow({})`, failed("bad argument #2 to 'pow' (number expected, got no value)")],
    ],
    "draw Valkey's random numbers": [
      [`math.randomseed(0) return math.random(), math.random(10), math.random(5, 6)`, "0.17082803611217 8 5"],
      [`math.randomseed(10) local a = math.random() math.randomseed(10) return a == math.random(), a`,
        "true 0.87885112309775"],
      [`return math.random(0)`, failed("bad argument #1 to 'random' (interval is empty)")],
      [`return math.random(2, 1)`, failed("bad argument #2 to 'random' (interval is empty)")],
      [`return math.random(1, 2, 3)`, failed("wrong number of arguments")],
    ],
    "work on bits": [
      [`return bit.tobit(2^32 + 1), bit.band(255, 15), bit.bor(1, 2, 4), bit.bxor(5, 1), bit.bnot(0)`, "1 15 7 4 -1"],
      [`return bit.lshift(1, 31), bit.rshift(-1, 28), bit.arshift(-16, 2), bit.rol(0x12345678, 8), bit.ror(1, 1)`,
        "-2147483648 15 -4 878082066 -2147483648"],
      [`return bit.tohex(255), bit.tohex(255, -4), bit.bswap(1), bit.tobit(2.5), bit.tobit(3.5)`,
        "000000ff 00FF 16777216 2 4"],
      [`return bit.band(1, nil)`, failed("bad argument #2 to 'band' (number expected, got nil)")],
    ],
  },

  "the library cjson": {
    "encodes": [
      [`return cjson.encode({1, "a/\\n\\127", true, cjson.null, {}, {a = 1.5}})`,
        `[1,"a\\/\\n\\u007f",true,null,{},{"a":1.5}]`],
      [`return cjson.encode({[3] = 1}), cjson.encode({[1.5] = 2}), cjson.encode(1e15), cjson.encode(nil)`,
        `[null,null,1] {"1.5":2} 1e+15 null`],
      [`return cjson.encode({[20] = 1})`, failed("Cannot serialise table: excessively sparse array")],
      [`return cjson.encode({[true] = 1})`, failed("Cannot serialise boolean: table key must be a number or string")],
      [`return cjson.encode(pcall)`, failed("Cannot serialise function: type not supported")],
      [`return cjson.encode(1/0)`, failed("Cannot serialise number: must not be NaN or Inf")],
      [`return cjson.encode()`, failed("bad argument #1 to 'encode' (expected 1 argument)")],
      [`local t = {} t[1] = t return cjson.encode(t)`, failed("Cannot serialise, excessive nesting (1001)")],
      [`cjson.encode_max_depth(2^31 - 1) local t = {} t[1] = t return cjson.encode(t)`,
        failed("Cannot serialise, excessive nesting (7998)")],
    ],
    "decodes": [
      [`local t = cjson.decode('{"a":[1,2,{"b":null}],"c":"\\\\u20ac\\\\ud83d\\\\ude00"}')
        return t.a[2], t.a[3].b == cjson.null, t.c, #t.a`, "2 true \xe2\x82\xac\xf0\x9f\x98\x80 3"],
      [`return cjson.decode(" [1] ")[1], cjson.decode("-0.5e1"), cjson.decode("0x10"), cjson.decode('"a\\0"')`,
        failed("Expected value but found unexpected end of string at character 3")],
      [`return cjson.decode("")`, failed("Expected value but found T_END at character 1")],
      [`return cjson.decode("[1,2")`, failed("Expected comma or array end but found T_END at character 5")],
      [`return cjson.decode("{")`, failed("Expected object key string but found T_END at character 2")],
      [`return cjson.decode('"\\\\ud800"')`,
        failed("Expected value but found invalid unicode escape code at character 2")],
      [`return cjson.decode("1 2")`, failed("Expected the end but found T_NUMBER at character 3")],
      [`return cjson.decode(("["):rep(1001))`,
        failed("Found too many nested data structures (1001) at character 1001")],
      [`return cjson.decode("\\0a")`, failed("JSON parser does not support UTF-16 or UTF-32")],
    ],
    "has settings, in each table of functions its own": [
      [`local c = cjson.new() c.encode_sparse_array(true) c.encode_number_precision(3) c.decode_invalid_numbers(false)
        return c.encode({[20] = 1/3}), c.encode_invalid_numbers("null"), c.encode(1/0), pcall(c.decode, "inf")`,
        `{"20":0.333} null null false Expected value but found invalid token at character 1`],
      [`return cjson.encode_max_depth(), cjson.decode_max_depth(5), cjson.encode_keep_buffer("off"),
        cjson.encode_sparse_array()`, "1000 5 false false 2 10"],
      [`return cjson.encode_number_precision(15)`,
        failed("bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14)")],
      [`return cjson.encode_max_depth(1, 2)`,
        failed("bad argument #2 to 'encode_max_depth' (found too many arguments)")],
      [`return tostring(cjson.null), cjson._NAME, cjson._VERSION`, "userdata: (nil) cjson 2.1.0"],
    ],
  },

  "the libraries cmsgpack and struct": {
    "pack MessagePack": [
      [hex(`cmsgpack.pack({1, "a", true, 0.5, -1000, 2^40})`), "9601a161c3ca3f000000d1fc18cf0000010000000000"],
      [hex(`cmsgpack.pack({a = 1}, nil, 1/3)`), "81a16101c0cb3fd5555555555555"],
      [`local t = {} t[1] = t return #cmsgpack.pack(t)`, "17"],
      [`return cmsgpack.pack()`, failed("bad argument #0 to 'pack' (MessagePack pack needs input.)")],
    ],
    "unpack MessagePack": [
      [`return unpack(cmsgpack.unpack(cmsgpack.pack({1, "a", true, 0.5, -1000, 2^40})))`,
        "1 a true 0.5 -1000 1099511627776"],
      [`return cmsgpack.unpack_one("\\1\\2\\3", 1)`, "2 2"],
      [`return cmsgpack.unpack_limit("\\1\\2\\3", 3)`, "-1 1 2 3"],
      [`return cmsgpack.unpack("\\207\\255\\255\\255\\255\\255\\255\\255\\255")`, "-1"],
      [`return cmsgpack.unpack("\\161")`, failed("Missing bytes in input.")],
      [`return cmsgpack.unpack("\\193")`, failed("Bad data format in input.")],
      [`return cmsgpack.unpack_one("a", 2)`, failed("Start offset 2 greater than input length 1.")],
      [`return cmsgpack.unpack_one("a", -2)`, failed("Invalid request to unpack with offset of -2 and limit of 1.")],
      [`return cmsgpack.unpack("\\129\\192\\192")`, "error: table index is nil"],
      [`return cmsgpack.unpack(("\\145"):rep(10000))`, failed("stack overflow (in function mp_decode_to_lua_array)")],
    ],
    "pack and unpack structs": [
      [hex(`struct.pack(">Hi3!4bd", 258, -2, 1, 0.5)`), "0102fffffe0100003fe0000000000000"],
      [`return struct.unpack("<hBs", "\\255\\255\\7abc\\0rest")`, "-1 7 abc 8"],
      [`return struct.unpack("bc0", "\\3abcdef")`, "abc 5"],
      [`return struct.size("!8bi8"), struct.pack("s", "ab") == "ab\\0"`, "16 true"],
      [`return struct.pack("z")`, failed("bad argument #1 to 'pack' (invalid format option 'z')")],
      [`return struct.pack("i")`, failed("bad argument #2 to 'pack' (number expected, got nil)")],
      [`return struct.pack("i33", 1)`, failed("integral size 33 is larger than limit of 32")],
      [`return struct.unpack("i", "abc")`, failed("bad argument #2 to 'unpack' (data string too short)")],
      [`return struct.unpack("b", "a", 0)`, failed("bad argument #3 to 'unpack' (offset must be 1 or greater)")],
      [`return struct.size("s")`, failed("bad argument #1 to 'size' (option 's' has no fixed size)")],
    ],
  },
};
