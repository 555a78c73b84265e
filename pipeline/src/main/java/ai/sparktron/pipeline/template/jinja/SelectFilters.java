package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** {@code map}, {@code select}, {@code unique} and their like: one value at a time, computed when it is asked for. */
final class SelectFilters {

    private SelectFilters() {
    }

    static void register(Map<String, Filters.Filter> table) {
        table.put("map", SelectFilters::map);
        table.put("select", (value, arguments) -> choose("select", value, arguments, false, true));
        table.put("reject", (value, arguments) -> choose("reject", value, arguments, false, false));
        table.put("selectattr", (value, arguments) -> choose("selectattr", value, arguments, true, true));
        table.put("rejectattr", (value, arguments) -> choose("rejectattr", value, arguments, true, false));
        table.put("unique", SelectFilters::unique);
    }

    private static Object map(Object value, Arguments arguments) {
        UnaryOperator<Object> function;
        if (arguments.positional().isEmpty()) {
            Object[] values = arguments.bind("map", "attribute", "default");
            Arguments.require("map", values, 1, "attribute");
            function = item -> AttributePath.get(item, values[0], Arguments.or(values[1], null));
        } else {
            Filters.Filter filter = Filters.find(Arguments.text("map", arguments.positional().get(0)));
            Arguments rest = arguments.from(1);
            function = item -> filter.apply(item, rest);
        }
        Iterator<Object> items = source(value);
        return new PythonIterator(new Iterator<>() {
            @Override
            public boolean hasNext() {
                return items.hasNext();
            }

            @Override
            public Object next() {
                return function.apply(items.next());
            }
        });
    }

    /** Python takes nothing from a sequence that is false, so that None gives no values here instead of an error. */
    private static Iterator<Object> source(Object value) {
        return PythonValues.truth(value) ? PythonValues.iterator(value) : List.of().iterator();
    }

    private static Object choose(String name, Object value, Arguments arguments, boolean byAttribute, boolean keep) {
        List<Object> positional = arguments.positional();
        int used = byAttribute ? 1 : 0;
        if (positional.size() < used) {
            throw JinjaException.type(name + " misses the name of an attribute");
        }
        Predicate<Object> test;
        if (positional.size() > used) {
            Tests.Test found = Tests.find(Arguments.text(name, positional.get(used)));
            Arguments rest = arguments.from(used + 1);
            test = item -> found.holds(item, rest);
        } else {
            test = PythonValues::truth;
        }
        return new PythonIterator(filtered(source(value), item ->
                test.test(byAttribute ? AttributePath.get(item, positional.get(0), null) : item) == keep));
    }

    private static Object unique(Object value, Arguments arguments) {
        Object[] values = arguments.bind("unique", "case_sensitive", "attribute");
        boolean caseSensitive = PythonValues.truth(Arguments.or(values[0], false));
        Object attribute = Arguments.or(values[1], null);
        List<Object> seen = new ArrayList<>();
        return new PythonIterator(filtered(PythonValues.iterator(value), item -> {
            Object key = SequenceFilters.folded(attribute == null ? item : AttributePath.get(item, attribute, null), caseSensitive);
            PythonValues.hashable(key);
            boolean fresh = seen.stream().noneMatch(other -> PythonValues.equal(other, key));
            if (fresh) {
                seen.add(key);
            }
            return fresh;
        }));
    }

    private static Iterator<Object> filtered(Iterator<Object> items, Predicate<Object> test) {
        return new Iterator<>() {
            private Object next;
            private boolean ready;

            @Override
            public boolean hasNext() {
                while (!ready && items.hasNext()) {
                    next = items.next();
                    ready = test.test(next);
                }
                return ready;
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                ready = false;
                return next;
            }
        };
    }
}
