package ai.sparktron.pipeline.template.jinja;

import java.util.AbstractList;
import java.util.List;

/** A tuple: prints in parentheses and equals only tuples. {@code fields} names its items where it is a group of {@code groupby}. */
final class PythonTuple extends AbstractList<Object> {

    private final List<Object> items;
    private final List<String> fields;

    PythonTuple(List<Object> items) {
        this(items, List.of());
    }

    PythonTuple(List<Object> items, List<String> fields) {
        this.items = items;
        this.fields = fields;
    }

    static PythonTuple of(Object... items) {
        return new PythonTuple(java.util.Arrays.asList(items));
    }

    List<String> fields() {
        return fields;
    }

    @Override
    public Object get(int index) {
        return items.get(index);
    }

    @Override
    public int size() {
        return items.size();
    }
}
