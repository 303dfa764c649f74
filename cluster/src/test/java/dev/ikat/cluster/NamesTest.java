package dev.ikat.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ikat.testbed.random.Generator;
import dev.ikat.testbed.random.Seeds;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** As the expressions of apimachinery, util/validation, have it. */
class NamesTest {
    private static final Pattern LABEL = Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
    private static final Pattern SUBDOMAIN =
            Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
    private static final Pattern QUALIFIED = Pattern.compile("[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?");

    /** Letters that are at the ends of what is allowed, and those beside them. */
    private static final String LETTERS = "aabz09--..__AZ/:@[`{\u00e9";

    private static String text(Generator random, String letters) {
        StringBuilder text = new StringBuilder();
        for (int i = random.between(0, 6); i > 0; i--) {
            text.append(letters.charAt(random.between(0, letters.length() - 1)));
        }
        return text.toString();
    }

    @Test
    void namesAreThoseOfTheExpressions() {
        int[] allowed = new int[3];
        Seeds.forEach(20_000, random -> {
            String text =
                    text(random, random.chance(0.7) ? LETTERS.substring(0, random.chance(0.5) ? 8 : 14) : LETTERS);
            assertThat(Names.isLabel(text)).as(text).isEqualTo(matches(LABEL, text, allowed, 0));
            assertThat(Names.isSubdomain(text)).as(text).isEqualTo(matches(SUBDOMAIN, text, allowed, 1));
            assertThat(Names.isQualified(text)).as(text).isEqualTo(matches(QUALIFIED, text, allowed, 2));
        });
        if (System.getProperty(Seeds.PROPERTY) == null) {
            assertThat(Arrays.stream(allowed).boxed())
                    .as("how many were allowed at all")
                    .allMatch(count -> count > 1_000 && count < 19_000);
        }
    }

    private static boolean matches(Pattern pattern, String text, int[] allowed, int kind) {
        boolean matches = pattern.matcher(text).matches();
        allowed[kind] += matches ? 1 : 0;
        return matches;
    }
}
