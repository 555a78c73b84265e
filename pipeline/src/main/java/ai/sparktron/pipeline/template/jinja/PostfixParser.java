package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.Token.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What follows a value: attributes, items, slices, calls, filters, tests. */
final class PostfixParser {

    /** Filters that take {@link Markup} without giving text that would have to stay Markup. */
    private static final Set<String> TAKE_MARKUP = Set.of("safe", "escape", "e", "forceescape", "string", "default", "d",
            "length", "count", "tojson");

    private final TokenStream stream;
    private final ExpressionParser expressions;

    PostfixParser(TokenStream stream, ExpressionParser expressions) {
        this.stream = stream;
        this.expressions = expressions;
    }

    Expr subscripts(Expr value) {
        Expr result = value;
        while (true) {
            if (stream.skipOperator(".")) {
                result = attribute(result);
            } else if (stream.skipOperator("[")) {
                result = item(result);
            } else if (stream.current().isOperator("(")) {
                result = call(result);
            } else {
                return result;
            }
        }
    }

    Expr filters(Expr value) {
        Expr result = value;
        while (true) {
            if (stream.skipOperator("|")) {
                result = filter(result);
            } else if (stream.skipName("is")) {
                result = test(result);
            } else if (stream.current().isOperator("(")) {
                result = call(result);
            } else {
                return result;
            }
        }
    }

    private Expr attribute(Expr value) {
        Token token = stream.next();
        if (token.type() == Type.NAME) {
            String name = token.text();
            return scope -> Attributes.attribute(value.eval(scope), name);
        }
        if (token.type() == Type.NUMBER && !(token.value() instanceof Double)) {
            return scope -> Attributes.item(value.eval(scope), token.value());
        }
        throw new JinjaException(JinjaException.Kind.SYNTAX, "expected a name or number after '.' but got " + token.describe(), token.line(), null);
    }

    private Expr item(Expr value) {
        Expr start = null;
        if (!stream.current().isOperator(":")) {
            start = expressions.expression();
            if (stream.skipOperator("]")) {
                Expr key = start;
                return scope -> Attributes.item(value.eval(scope), key.eval(scope));
            }
            if (stream.current().isOperator(",")) {
                throw stream.unsupported("an index of several parts is not supported");
            }
        }
        stream.expectOperator(":");
        Expr stop = slicePart();
        Expr step = stream.skipOperator(":") ? slicePart() : null;
        stream.expectOperator("]");
        Expr from = start;
        return scope -> Attributes.slice(value.eval(scope), part(from, scope), part(stop, scope), part(step, scope));
    }

    private Expr slicePart() {
        return stream.current().isOperator(":") || stream.current().isOperator("]") ? null : expressions.expression();
    }

    private static Object part(Expr expression, Scope scope) {
        return expression == null ? null : expression.eval(scope);
    }

    private Expr call(Expr function) {
        int line = stream.current().line();
        return new CallExpr(function, arguments(), line);
    }

    private List<CallExpr.Argument> arguments() {
        List<CallExpr.Argument> arguments = new ArrayList<>();
        stream.expectOperator("(");
        boolean named = false;
        while (!stream.current().isOperator(")")) {
            if (!arguments.isEmpty()) {
                stream.expectOperator(",");
                if (stream.current().isOperator(")")) {
                    break;
                }
            }
            if (stream.skipOperator("**")) {
                Expr mapping = expressions.expression();
                arguments.add((scope, into) -> spread(mapping.eval(scope), into));
                named = true;
            } else if (stream.skipOperator("*")) {
                Expr values = expressions.expression();
                arguments.add((scope, into) -> PythonValues.list(values.eval(scope)).forEach(into::add));
            } else if (stream.current().type() == Type.NAME && stream.look().isOperator("=")) {
                String name = stream.next().text();
                stream.next();
                Expr value = expressions.expression();
                arguments.add((scope, into) -> into.add(name, value.eval(scope)));
                named = true;
            } else if (named) {
                throw stream.error("a positional argument follows a keyword argument");
            } else {
                Expr value = expressions.expression();
                arguments.add((scope, into) -> into.add(value.eval(scope)));
            }
        }
        stream.expectOperator(")");
        return arguments;
    }

    private static void spread(Object value, Arguments.Builder into) {
        if (!(value instanceof Map<?, ?> map)) {
            throw JinjaException.type("argument after ** must be a mapping, not " + PythonValues.typeName(value));
        }
        map.forEach((key, item) -> into.add(Arguments.text("**", key), item));
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(stream.expectName());
        while (stream.skipOperator(".")) {
            name.append('.').append(stream.expectName());
        }
        return name.toString();
    }

    /** A filter applied to {@code value}; the name is the next token. */
    Expr filter(Expr value) {
        int line = stream.current().line();
        String name = dottedName();
        List<CallExpr.Argument> arguments = stream.current().isOperator("(") ? arguments() : List.of();
        Filters.Filter filter;
        try {
            filter = Filters.find(name);
        } catch (JinjaException e) {
            throw e.at(line);
        }
        boolean takesMarkup = TAKE_MARKUP.contains(name);
        return scope -> {
            try {
                Object input = value.eval(scope);
                if (input instanceof Markup && !takesMarkup) {
                    throw new JinjaException(JinjaException.Kind.UNSUPPORTED, "'|" + name + "' after '|safe' or '|escape' is not supported");
                }
                return filter.apply(input, CallExpr.evaluate(arguments, scope));
            } catch (JinjaException e) {
                throw e.at(line);
            }
        };
    }

    private Expr test(Expr value) {
        boolean negated = stream.skipName("not");
        int line = stream.current().line();
        String name = dottedName();
        List<CallExpr.Argument> arguments = List.of();
        Token token = stream.current();
        if (token.isOperator("(")) {
            arguments = arguments();
        } else if ((token.type() == Type.NAME && !Set.of("else", "or", "and").contains(token.text())) || token.type() == Type.STRING
                || token.type() == Type.NUMBER || token.isOperator("[") || token.isOperator("{")) {
            if (token.isName("is")) {
                throw stream.error("tests with 'is' cannot be chained");
            }
            Expr argument = subscripts(expressions.primary());
            arguments = List.of((scope, into) -> into.add(argument.eval(scope)));
        }
        Tests.Test test;
        try {
            test = Tests.find(name);
        } catch (JinjaException e) {
            throw e.at(line);
        }
        List<CallExpr.Argument> given = arguments;
        return scope -> test.holds(value.eval(scope), CallExpr.evaluate(given, scope)) != negated;
    }
}
