package ai.sparktron.pipeline.template.jinja;

/**
 * A token of a template.
 *
 * @param text  literal text, name, operator, or a string's content with escapes resolved
 * @param value of a number, otherwise null
 */
record Token(Type type, String text, Object value, int line) {

    enum Type { DATA, VARIABLE_BEGIN, VARIABLE_END, BLOCK_BEGIN, BLOCK_END, NAME, STRING, NUMBER, OPERATOR, END }

    boolean is(Type expected, String expectedText) {
        return type == expected && text.equals(expectedText);
    }

    boolean isName(String name) {
        return is(Type.NAME, name);
    }

    boolean isOperator(String operator) {
        return is(Type.OPERATOR, operator);
    }

    String describe() {
        return switch (type) {
            case DATA -> "template text";
            case VARIABLE_BEGIN -> "'{{'";
            case VARIABLE_END -> "'}}'";
            case BLOCK_BEGIN -> "'{%'";
            case BLOCK_END -> "'%}'";
            case STRING -> "text '" + text + "'";
            case END -> "the end of the template";
            case NAME, NUMBER, OPERATOR -> "'" + text + "'";
        };
    }
}
