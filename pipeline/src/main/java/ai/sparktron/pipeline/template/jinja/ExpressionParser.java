package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.Token.Type;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Expressions, from loosest to tightest binding: condition, or, and, not, comparison, sum, {@code ~}, product, power, unary. */
final class ExpressionParser {

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private final TokenStream stream;
    private final PostfixParser postfix;

    ExpressionParser(TokenStream stream) {
        this.stream = stream;
        this.postfix = new PostfixParser(stream, this);
    }

    PostfixParser postfix() {
        return postfix;
    }

    Expr expression() {
        return expression(true);
    }

    Expr expression(boolean withCondition) {
        return withCondition ? condition() : or();
    }

    private Expr condition() {
        Expr value = or();
        while (stream.skipName("if")) {
            Expr then = value;
            Expr test = or();
            Expr otherwise = stream.skipName("else") ? condition()
                    : scope -> new Undefined("the inline if-expression evaluated to false and no else section was defined");
            value = scope -> PythonValues.truth(test.eval(scope)) ? then.eval(scope) : otherwise.eval(scope);
        }
        return value;
    }

    private Expr or() {
        Expr left = and();
        while (stream.skipName("or")) {
            Expr first = left;
            Expr second = and();
            left = scope -> {
                Object value = first.eval(scope);
                return PythonValues.truth(value) ? value : second.eval(scope);
            };
        }
        return left;
    }

    private Expr and() {
        Expr left = not();
        while (stream.skipName("and")) {
            Expr first = left;
            Expr second = not();
            left = scope -> {
                Object value = first.eval(scope);
                return PythonValues.truth(value) ? second.eval(scope) : value;
            };
        }
        return left;
    }

    private Expr not() {
        if (stream.skipName("not")) {
            Expr negated = not();
            return scope -> !PythonValues.truth(negated.eval(scope));
        }
        return comparison();
    }

    private interface Comparison {
        boolean holds(Object left, Object right);
    }

    private Expr comparison() {
        Expr first = sum();
        List<Comparison> operators = new ArrayList<>();
        List<Expr> operands = new ArrayList<>();
        for (Comparison operator = comparisonOperator(); operator != null; operator = comparisonOperator()) {
            operators.add(operator);
            operands.add(sum());
        }
        if (operators.isEmpty()) {
            return first;
        }
        if (operators.size() == 1) {
            Comparison only = operators.get(0);
            Expr right = operands.get(0);
            return scope -> only.holds(first.eval(scope), right.eval(scope));
        }
        return scope -> {
            Object left = first.eval(scope);
            for (int i = 0; i < operators.size(); i++) {
                Object right = operands.get(i).eval(scope);
                if (!operators.get(i).holds(left, right)) {
                    return false;
                }
                left = right;
            }
            return true;
        };
    }

    private Comparison comparisonOperator() {
        Token token = stream.current();
        if (token.type() == Type.OPERATOR && COMPARISONS.contains(token.text())) {
            stream.next();
            return switch (token.text()) {
                case "==" -> PythonValues::equal;
                case "!=" -> (a, b) -> !PythonValues.equal(a, b);
                case "<" -> (a, b) -> PythonValues.compare(a, b) < 0;
                case "<=" -> (a, b) -> PythonValues.compare(a, b) <= 0;
                case ">" -> (a, b) -> PythonValues.compare(a, b) > 0;
                default -> (a, b) -> PythonValues.compare(a, b) >= 0;
            };
        }
        if (stream.skipName("in")) {
            return (item, container) -> Operators.contains(container, item);
        }
        if (token.isName("not") && stream.look().isName("in")) {
            stream.next();
            stream.next();
            return (item, container) -> !Operators.contains(container, item);
        }
        return null;
    }

    private Expr sum() {
        Expr left = concatenation();
        while (true) {
            Expr first = left;
            if (stream.skipOperator("+")) {
                Expr second = concatenation();
                left = scope -> Operators.add(first.eval(scope), second.eval(scope));
            } else if (stream.skipOperator("-")) {
                Expr second = concatenation();
                left = scope -> Operators.subtract(first.eval(scope), second.eval(scope));
            } else {
                return left;
            }
        }
    }

    private Expr concatenation() {
        Expr first = product();
        if (!stream.current().isOperator("~")) {
            return first;
        }
        List<Expr> parts = new ArrayList<>(List.of(first));
        while (stream.skipOperator("~")) {
            parts.add(product());
        }
        return scope -> {
            StringBuilder out = new StringBuilder();
            parts.forEach(part -> out.append(PythonValues.str(part.eval(scope))));
            return out.toString();
        };
    }

    private interface Operation {
        Object apply(Object left, Object right);
    }

    private Expr product() {
        Expr left = power();
        while (true) {
            Operation operation = stream.skipOperator("*") ? Operators::multiply : stream.skipOperator("/") ? Operators::divide
                    : stream.skipOperator("//") ? Operators::floorDivide : stream.skipOperator("%") ? Operators::modulo : null;
            if (operation == null) {
                return left;
            }
            Expr first = left;
            Expr second = power();
            left = scope -> operation.apply(first.eval(scope), second.eval(scope));
        }
    }

    private Expr power() {
        Expr left = unary(true);
        while (stream.skipOperator("**")) {
            Expr first = left;
            Expr second = unary(true);
            left = scope -> Operators.power(first.eval(scope), second.eval(scope));
        }
        return left;
    }

    private Expr unary(boolean withFilter) {
        Expr value;
        if (stream.skipOperator("-")) {
            Expr negated = unary(false);
            value = scope -> Operators.negate(negated.eval(scope));
        } else if (stream.skipOperator("+")) {
            Expr same = unary(false);
            value = scope -> Operators.plus(same.eval(scope));
        } else {
            value = primary();
        }
        value = postfix.subscripts(value);
        return withFilter ? postfix.filters(value) : value;
    }

    Expr primary() {
        Token token = stream.next();
        switch (token.type()) {
            case NAME:
                return name(token.text());
            case STRING:
                StringBuilder text = new StringBuilder(token.text());
                while (stream.current().type() == Type.STRING) {
                    text.append(stream.next().text());
                }
                String joined = text.toString();
                return scope -> joined;
            case NUMBER:
                return scope -> token.value();
            case OPERATOR:
                if (token.text().equals("(")) {
                    Expr inner = tuple(true, true, Set.of());
                    stream.expectOperator(")");
                    return inner;
                }
                if (token.text().equals("[")) {
                    List<Expr> items = items("]");
                    return scope -> evaluated(items, scope);
                }
                if (token.text().equals("{")) {
                    return dict();
                }
                break;
            default:
        }
        throw new JinjaException(JinjaException.Kind.SYNTAX, "unexpected " + token.describe() + ": expected an expression", token.line(), null);
    }

    private Expr name(String name) {
        switch (name) {
            case "true", "True":
                return scope -> true;
            case "false", "False":
                return scope -> false;
            case "none", "None":
                return scope -> null;
            default:
                stream.mention(name);
                return scope -> scope.get(name);
        }
    }

    private static List<Object> evaluated(List<Expr> items, Scope scope) {
        List<Object> values = new ArrayList<>(items.size());
        for (Expr item : items) {
            values.add(item.eval(scope));
        }
        return values;
    }

    private List<Expr> items(String close) {
        List<Expr> items = new ArrayList<>();
        while (!stream.current().isOperator(close)) {
            if (!items.isEmpty()) {
                stream.expectOperator(",");
            }
            if (stream.current().isOperator(close)) {
                break;
            }
            items.add(expression());
        }
        stream.expectOperator(close);
        return items;
    }

    private Expr dict() {
        Map<Expr, Expr> pairs = new LinkedHashMap<>();
        while (!stream.current().isOperator("}")) {
            if (!pairs.isEmpty()) {
                stream.expectOperator(",");
            }
            if (stream.current().isOperator("}")) {
                break;
            }
            Expr key = expression();
            stream.expectOperator(":");
            pairs.put(key, expression());
        }
        stream.expectOperator("}");
        return scope -> {
            Map<Object, Object> dict = new LinkedHashMap<>();
            pairs.forEach((key, value) -> dict.put(Attributes.storedKey(dict, PythonValues.hashable(key.eval(scope))), value.eval(scope)));
            return dict;
        };
    }

    /**
     * One expression, or several with commas between them, which make a tuple.
     *
     * @param ends names that end the tuple beside the closing tokens
     */
    Expr tuple(boolean withCondition, boolean inParentheses, Set<String> ends) {
        List<Expr> items = new ArrayList<>();
        boolean commas = false;
        while (true) {
            if (!items.isEmpty()) {
                stream.expectOperator(",");
            }
            if (endsTuple(ends)) {
                break;
            }
            items.add(expression(withCondition));
            if (!stream.current().isOperator(",")) {
                break;
            }
            commas = true;
        }
        if (!commas && !items.isEmpty()) {
            return items.get(0);
        }
        if (!commas && !inParentheses) {
            throw stream.error("expected an expression but got " + stream.current().describe());
        }
        return scope -> new PythonTuple(evaluated(items, scope));
    }

    private boolean endsTuple(Set<String> ends) {
        Token token = stream.current();
        return token.type() == Type.VARIABLE_END || token.type() == Type.BLOCK_END || token.isOperator(")")
                || token.type() == Type.NAME && ends.contains(token.text());
    }
}
