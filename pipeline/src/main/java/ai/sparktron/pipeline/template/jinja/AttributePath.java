package ai.sparktron.pipeline.template.jinja;

/** The {@code attribute} argument of filters: a dotted path whose numeric parts are indexes. */
final class AttributePath {

    private AttributePath() {
    }

    /** @param fallback replaces what is undefined on the way; null = none */
    static Object get(Object item, Object path, Object fallback) {
        if (!(path instanceof String text)) {
            return or(Attributes.item(item, path), fallback);
        }
        Object value = item;
        for (String part : text.split("\\.", -1)) {
            value = or(Attributes.item(value, part.matches("\\d+") ? (Object) Long.valueOf(part) : part), fallback);
        }
        return value;
    }

    private static Object or(Object value, Object fallback) {
        return value instanceof Undefined && fallback != null ? fallback : value;
    }
}
