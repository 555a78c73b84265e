package ai.sparktron.pipeline.template.jinja;

import java.util.Iterator;

/**
 * What {@code map}, {@code select} and their like give: values computed when asked for and gone when taken. Always true, without length, not
 * indexable; printing one is refused because Python prints a memory address.
 */
record PythonIterator(Iterator<Object> values) {
}
