// Leaks in known ways, then writes snapshots: node shapes.js SHAPE FILE [FILE2]
'use strict';
const v8 = require('v8');
const {EventEmitter} = require('events');
const [shape, first, second] = process.argv.slice(2);

class Span {
  constructor(i) {
    this.name = `span ${i % 10}`;
    this.id = i + 0.5;
    this.attributes = {url: `/orders/${i}`, status: 200};
  }
}

const grow = {
  // A Map that is never emptied.
  map(from, to) {
    global.leak ??= new Map();
    for (let i = from; i < to; ++i) global.leak.set(`trace ${i}`, new Span(i));
  },
  // Listeners whose closures keep what they saw.
  closures(from, to) {
    global.emitter ??= new EventEmitter().setMaxListeners(0);
    for (let i = from; i < to; ++i) {
      const span = new Span(i);
      global.emitter.on('end', () => span);
    }
  },
  // Values that live as long as their keys.
  weakmap(from, to) {
    global.keys ??= [];
    global.values ??= new WeakMap();
    for (let i = from; i < to; ++i) {
      const key = {i};
      global.keys.push(key);
      global.values.set(key, new Span(i));
    }
  },
  // Timers that never fire.
  timers(from, to) {
    for (let i = from; i < to; ++i) setTimeout((span) => span, 1e8, new Span(i)).unref();
  },
  // Two leaks at once, of more objects than one looks at one by one: twice as many closures in a Map
  // as objects in an array.
  ways(from, to) {
    global.handlers ??= new Map();
    global.orders ??= [];
    for (let i = from * 20; i < to * 20; ++i) {
      const span = new Span(i);
      global.handlers.set(i, () => span);
      if (i % 2 === 0) global.orders.push({price: i + 0.5, lines: [i]});
    }
  },
  // A doubly linked list, weak references, buffers, symbols, big numbers.
  mixture(from, to) {
    global.head ??= {};
    global.refs ??= [];
    for (let i = from; i < to; ++i) {
      const node = {next: global.head, span: new Span(i), buffer: Buffer.alloc(i % 7 * 100)};
      global.head.previous = node;
      global.head = node;
      node[Symbol(`s${i % 5}`)] = BigInt(i) << 80n;
      global.refs.push(new WeakRef(node.span));
    }
  },
};

grow[shape](0, shape === 'mixture' ? 100 : 500);  // lists are slow to compare
v8.writeHeapSnapshot(first);
if (second) {
  grow[shape](500, 800);
  v8.writeHeapSnapshot(second);
}
process.exit(0);
