"""DevTools' rules of what a V8 heap snapshot's edges keep alive, and retained sizes by them: written apart from the engine, slow
and plain, to compare it with. Dominators by iteration (Cooper, Harvey, Kennedy), over the whole JSON.
"""
import json
import re

PAIR = re.compile(r"^\d+ / part of key \(.*? @\d+\) -> value \(.*? @\d+\) pair in WeakMap \(table @(\d+)\)$")


class Snapshot:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        meta = data["snapshot"]["meta"]
        self.strings = data["strings"]
        fields = meta["node_fields"]
        width = len(fields)
        rows = [data["nodes"][i:i + width] for i in range(0, len(data["nodes"]), width)]
        self.types = [meta["node_types"][0][row[fields.index("type")]] for row in rows]
        self.names = [self.strings[row[fields.index("name")]] for row in rows]
        self.ids = [row[fields.index("id")] for row in rows]
        self.sizes = [row[fields.index("self_size")] for row in rows]
        counts = [row[fields.index("edge_count")] for row in rows]
        edge_types = meta["edge_types"][0]
        edges = data["edges"]
        self.edges = []
        at = 0
        for count in counts:
            self.edges.append([(edge_types[edges[i]], edges[i + 1], edges[i + 2] // width) for i in range(at, at + 3 * count, 3)])
            at += 3 * count

    def page_owned(self):
        start = [to for kind, _, to in self.edges[0]
                 if kind == "shortcut" or (kind == "element" and self.names[to] == "(Document DOM trees)")]
        seen, open_ = set(start), list(start)
        while open_:
            for kind, _, to in self.edges[open_.pop()]:
                if kind != "weak" and to not in seen:
                    seen.add(to)
                    open_.append(to)
        return seen

    def kept(self):
        """For each node the nodes that its edges keep alive."""
        owned = self.page_owned()
        kept = []
        for node, edges in enumerate(self.edges):
            targets = []
            for kind, name, to in edges:
                if kind == "weak" or to == node:
                    continue
                if kind == "internal":
                    pair = PAIR.match(self.strings[name])
                    if pair and int(pair.group(1)) == self.ids[node]:
                        continue
                if node != 0 and (kind == "shortcut" or (to in owned and node not in owned)):
                    continue
                targets.append(to)
            kept.append(targets)
        return kept


def postorder(kept, start, seen):
    order, stack = [], [(start, iter(kept[start]))]
    seen.add(start)
    while stack:
        node, targets = stack[-1]
        for to in targets:
            if to not in seen:
                seen.add(to)
                stack.append((to, iter(kept[to])))
                break
        else:
            stack.pop()
            order.append(node)
    return order


def attach_unreached(kept):
    """What the root does not reach becomes its own: first what nothing keeps, then the rest one by one."""
    seen = set()
    postorder(kept, 0, seen)
    has_retainer = {to for targets in kept for to in targets}
    for node in range(len(kept)):
        if node not in seen and node not in has_retainer:
            kept[0].append(node)
            postorder(kept, node, seen)
    kept[0].extend(node for node in range(len(kept)) if node not in seen)


def dominators(kept):
    """Postorder, and of each node the one that dominates it."""
    order = postorder(kept, 0, set())
    number = {node: i for i, node in enumerate(order)}  # everything below by these: the root has the highest
    sources = [[] for _ in order]
    for node, targets in enumerate(kept):
        for to in set(targets):
            sources[number[to]].append(number[node])
    above = [-1] * len(order)
    root = len(order) - 1
    above[root] = root
    changed = True
    while changed:
        changed = False
        for i in range(root - 1, -1, -1):
            best = -1
            for a in sources[i]:
                if above[a] < 0 or a == best:
                    continue
                if best < 0:
                    best = a
                    continue
                while a != best:
                    if a < best:
                        a = above[a]
                    else:
                        best = above[best]
            if best != above[i]:
                above[i] = best
                changed = True
    return order, {order[i]: order[above[i]] for i in range(len(order))}


def retained_sizes(path):
    """{id: (own bytes, retained bytes)} of all nodes but the root."""
    snapshot = Snapshot(path)
    kept = snapshot.kept()
    attach_unreached(kept)
    order, above = dominators(kept)
    retained = list(snapshot.sizes)
    for node in order[:-1]:  # what is dominated comes before its dominator
        retained[above[node]] += retained[node]
    return {snapshot.ids[node]: (snapshot.sizes[node], retained[node]) for node in range(1, len(kept))}
