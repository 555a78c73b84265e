package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Filters over sequences as wholes: order, grouping, ends, sums. */
final class SequenceFilters {

    private SequenceFilters() {
    }

    static void register(Map<String, Filters.Filter> table) {
        table.put("length", (value, arguments) -> {
            arguments.bind("length");
            return PythonValues.length(value);
        });
        table.put("count", table.get("length"));
        table.put("list", (value, arguments) -> {
            arguments.bind("list");
            return PythonValues.list(value);
        });
        table.put("first", (value, arguments) -> {
            arguments.bind("first");
            Iterator<Object> items = PythonValues.iterator(value);
            return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
        });
        table.put("last", SequenceFilters::last);
        table.put("join", SequenceFilters::join);
        table.put("reverse", SequenceFilters::reverse);
        table.put("sort", SequenceFilters::sort);
        table.put("dictsort", SequenceFilters::dictSort);
        table.put("items", SequenceFilters::items);
        table.put("sum", SequenceFilters::sum);
        table.put("min", (value, arguments) -> extreme("min", value, arguments, 1));
        table.put("max", (value, arguments) -> extreme("max", value, arguments, -1));
        table.put("batch", SequenceFilters::batch);
        table.put("slice", SequenceFilters::slice);
        table.put("groupby", SequenceFilters::groupBy);
    }

    /** Lower case where order and equality disregard case. */
    static Object folded(Object value, boolean caseSensitive) {
        return !caseSensitive && value instanceof String text ? text.toLowerCase(Locale.ROOT) : value;
    }

    private static Object last(Object value, Arguments arguments) {
        arguments.bind("last");
        if (value instanceof PythonIterator) {
            throw JinjaException.type("'generator' object is not reversible: use |list before |last");
        }
        List<Object> items = PythonValues.list(value);
        return items.isEmpty() ? new Undefined("No last item, sequence was empty.") : items.get(items.size() - 1);
    }

    private static Object join(Object value, Arguments arguments) {
        Object[] values = arguments.bind("join", "d", "attribute");
        String separator = PythonValues.str(Arguments.or(values[0], ""));
        Object attribute = Arguments.or(values[1], null);
        StringBuilder out = new StringBuilder();
        int index = 0;
        for (Iterator<Object> items = PythonValues.iterator(value); items.hasNext(); index++) {
            Object item = items.next();
            out.append(index > 0 ? separator : "").append(PythonValues.str(attribute == null ? item : AttributePath.get(item, attribute, null)));
        }
        return out.toString();
    }

    private static Object reverse(Object value, Arguments arguments) {
        arguments.bind("reverse");
        List<Object> items = PythonValues.list(value);
        Collections.reverse(items);
        if (value instanceof String) {
            return String.join("", items.stream().map(Object::toString).toList());
        }
        return value instanceof PythonIterator ? items : new PythonIterator(items.iterator());
    }

    private static Object sort(Object value, Arguments arguments) {
        Object[] values = arguments.bind("sort", "reverse", "case_sensitive", "attribute");
        boolean caseSensitive = PythonValues.truth(Arguments.or(values[1], false));
        Object attribute = Arguments.or(values[2], null);
        List<Object> items = PythonValues.list(value);
        sortBy(items, PythonValues.truth(Arguments.or(values[0], false)), item -> {
            List<Object> keys = new ArrayList<>();
            for (Object path : attribute instanceof String text ? List.of((Object[]) text.split(",", -1)) : Collections.singletonList(attribute)) {
                keys.add(folded(path == null ? item : AttributePath.get(item, path, null), caseSensitive));
            }
            return keys;
        });
        return items;
    }

    private interface Key {
        Object of(Object item);
    }

    /** Stable in both directions, as Python's sort. */
    private static void sortBy(List<Object> items, boolean reverse, Key key) {
        List<Object[]> keyed = new ArrayList<>(items.size());
        items.forEach(item -> keyed.add(new Object[] {key.of(item), item}));
        Comparator<Object[]> order = (a, b) -> PythonValues.compare(a[0], b[0]);
        keyed.sort(reverse ? order.reversed() : order);
        for (int i = 0; i < items.size(); i++) {
            items.set(i, keyed.get(i)[1]);
        }
    }

    private static Object dictSort(Object value, Arguments arguments) {
        Object[] values = arguments.bind("dictsort", "case_sensitive", "by", "reverse");
        if (!(value instanceof Map<?, ?> map)) {
            throw value instanceof Undefined undefined ? undefined.used()
                    : JinjaException.type("dictsort takes a dict but got " + PythonValues.typeName(value));
        }
        Object by = Arguments.or(values[1], "key");
        if (!"key".equals(by) && !"value".equals(by)) {
            throw JinjaException.value("dictsort sorts by 'key' or 'value', not by " + PythonValues.repr(by));
        }
        boolean caseSensitive = PythonValues.truth(Arguments.or(values[0], false));
        List<Object> items = Methods.items(map);
        sortBy(items, PythonValues.truth(Arguments.or(values[2], false)),
                item -> folded(((PythonTuple) item).get("key".equals(by) ? 0 : 1), caseSensitive));
        return items;
    }

    private static Object items(Object value, Arguments arguments) {
        arguments.bind("items");
        if (value instanceof Map<?, ?> map) {
            return new PythonIterator(Methods.items(map).iterator());
        }
        if (value instanceof Undefined) {
            return new PythonIterator(Collections.emptyIterator());
        }
        throw JinjaException.type("items takes a dict but got " + PythonValues.typeName(value));
    }

    private static Object sum(Object value, Arguments arguments) {
        Object[] values = arguments.bind("sum", "attribute", "start");
        Object attribute = Arguments.or(values[0], null);
        Object total = Arguments.or(values[1], 0L);
        for (Object item : PythonValues.list(value)) {
            total = Operators.add(total, attribute == null ? item : AttributePath.get(item, attribute, null));
        }
        return total;
    }

    private static Object extreme(String name, Object value, Arguments arguments, int sign) {
        Object[] values = arguments.bind(name, "case_sensitive", "attribute");
        boolean caseSensitive = PythonValues.truth(Arguments.or(values[0], false));
        Object attribute = Arguments.or(values[1], null);
        Object best = new Undefined("No aggregated item, sequence was empty.");
        Object bestKey = Arguments.ABSENT;
        for (Object item : PythonValues.list(value)) {
            Object key = folded(attribute == null ? item : AttributePath.get(item, attribute, null), caseSensitive);
            if (bestKey == Arguments.ABSENT || PythonValues.compare(key, bestKey) * sign < 0) {
                best = item;
                bestKey = key;
            }
        }
        return best;
    }

    private static Object batch(Object value, Arguments arguments) {
        Object[] values = arguments.bind("batch", "linecount", "fill_with");
        Arguments.require("batch", values, 1, "linecount");
        int size = (int) Arguments.integer("batch", values[0]);
        Object fill = Arguments.or(values[1], null);
        if (size < 1) {
            throw JinjaException.value("batch of " + size + " items: expected at least 1");
        }
        List<Object> items = PythonValues.list(value);
        List<Object> batches = new ArrayList<>();
        for (int i = 0; i < items.size(); i += size) {
            List<Object> batch = new ArrayList<>(items.subList(i, Math.min(items.size(), i + size)));
            while (fill != null && batch.size() < size) {
                batch.add(fill);
            }
            batches.add(batch);
        }
        return new PythonIterator(batches.iterator());
    }

    private static Object slice(Object value, Arguments arguments) {
        Object[] values = arguments.bind("slice", "slices", "fill_with");
        Arguments.require("slice", values, 1, "slices");
        int slices = (int) Arguments.integer("slice", values[0]);
        Object fill = Arguments.or(values[1], null);
        if (slices < 1) {
            throw JinjaException.value("slice into " + slices + " parts: expected at least 1");
        }
        List<Object> items = PythonValues.list(value);
        List<Object> parts = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < slices; i++) {
            boolean extra = i < items.size() % slices;
            int end = start + items.size() / slices + (extra ? 1 : 0);
            List<Object> part = new ArrayList<>(items.subList(start, end));
            if (fill != null && !extra) {
                part.add(fill);
            }
            parts.add(part);
            start = end;
        }
        return new PythonIterator(parts.iterator());
    }

    private static Object groupBy(Object value, Arguments arguments) {
        Object[] values = arguments.bind("groupby", "attribute", "default", "case_sensitive");
        Arguments.require("groupby", values, 1, "attribute");
        Object fallback = Arguments.or(values[1], null);
        boolean caseSensitive = PythonValues.truth(Arguments.or(values[2], false));
        List<Object> items = PythonValues.list(value);
        sortBy(items, false, item -> folded(AttributePath.get(item, values[0], fallback), caseSensitive));
        List<Object> groups = new ArrayList<>();
        Object current = null;
        List<Object> members = null;
        for (Object item : items) {
            Object name = AttributePath.get(item, values[0], fallback);
            if (members == null || !PythonValues.equal(folded(name, caseSensitive), folded(current, caseSensitive))) {
                members = new ArrayList<>();
                current = name;
                groups.add(new PythonTuple(java.util.Arrays.asList(name, members), List.of("grouper", "list")));
            }
            members.add(item);
        }
        return groups;
    }
}
