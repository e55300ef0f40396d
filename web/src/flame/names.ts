// Function and file names short enough for a box or a table cell, in the ways of C++, Go, Java, Node and Python.

// Without arguments, template arguments, return type and package path; "a::b<c>::d(int)" gives "a::b::d",
// "github.com/x/y.(*Store).Add" gives "y.(*Store).Add".
export function shortFunction(name: string): string {
  const bare = name.includes('::') || /^[\w\s*&:<>~,]+\(.*\)( const)?$/.test(name) ? stripCpp(name) : name;
  const slash = bare.lastIndexOf('/');
  return slash >= 0 && slash < bare.length - 1 ? bare.slice(slash + 1) : bare;
}

export function shortFile(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.length <= 2 ? path : parts.slice(-2).join('/');
}

export function place(file: string, line: number): string {
  if (file === '') return '';
  return line > 0 ? `${file}:${line}` : file;
}

// Cuts in the middle so that both the class and the function stay readable.
export function fit(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  if (maxChars < 3) return '';
  const tail = Math.floor((maxChars - 1) * 0.6);
  return `${text.slice(0, maxChars - 1 - tail)}\u2026${text.slice(text.length - tail)}`;
}

function stripCpp(name: string): string {
  const kept = name.replaceAll('(anonymous namespace)', '{anon}').replace(/operator(\(\)|<<|>>|<=>|<=|>=|<|>|->)/, 'operator ');
  let out = '';
  let depth = 0;
  for (const c of kept) {
    if (c === '(' && depth === 0) break;
    if (c === '<' || c === '(') depth += 1;
    else if (c === '>' || c === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) out += c;
  }
  const trimmed = out.trim();
  const space = trimmed.startsWith('operator ') || trimmed.includes('::operator ') ? -1 : trimmed.lastIndexOf(' ');
  const short = trimmed.slice(space + 1).trim();
  return short === '' ? name : short;
}
