package dev.ikat.agent.attack;

import java.util.function.Consumer;

/**
 * A row of the table.
 *
 * @param name what is tried, as docs/security.md has it
 * @param steps what is sent
 */
record Attack(String name, Consumer<Attempt> steps) {
    void run(AttackScene scene) {
        Attempt attempt = new Attempt(scene);
        steps.accept(attempt);
        attempt.verify();
    }
}
