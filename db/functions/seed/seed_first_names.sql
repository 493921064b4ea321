-- zava.seed_first_names(): first names of invented customers, some beyond ASCII.
create or replace function zava.seed_first_names()
returns text[]
language sql
immutable
parallel safe
security invoker
begin atomic
    select array[
        'Aaliyah', 'Ada', 'Agnieszka', 'Ahmed', 'Aiko', 'Amara', 'Ana', 'André', 'Anika', 'Anh',
        'Arturo', 'Åsa', 'Ben', 'Bianca', 'Björn', 'Brandon', 'Camille', 'Carlos', 'Chidi',
        'Chloé', 'Connor', 'Dana', 'Daniel', 'Deepa', 'Diego', 'Dmitri', 'Élodie', 'Elena',
        'Emeka', 'Emily', 'Esther', 'Fatima', 'Felix', 'François', 'Gabriela', 'Grace', 'Hannah',
        'Hiroshi', 'Hye-jin', 'Ibrahim', 'Inés', 'Isaac', 'Jamal', 'Jan', 'Jessica', 'Joaquín',
        'Jordan', 'José', 'Joy', 'Kai', 'Karen', 'Kenji', 'Khadija', 'Kimberly', 'Lars', 'Lucía',
        'Luis', 'Maeve', 'Malik', 'María', 'Marcus', 'Megan', 'Mei', 'Minh', 'Miriam', 'Mónica',
        'Nadia', 'Nathan', 'Nia', 'Noémie', 'Ole', 'Olga', 'Omar', 'Paula', 'Peter', 'Priya',
        'Rachel', 'Ramón', 'Ravi', 'Renée', 'Rosa', 'Ryan', 'Saoirse', 'Sara', 'Sébastien',
        'Sofía', 'Søren', 'Tala', 'Tariq', 'Thandiwe', 'Tyler', 'Valentina', 'Wei', 'Xiomara',
        'Yara', 'Yusuf', 'Zoë', 'Zuzana'
    ];
end;

comment on function zava.seed_first_names() is 'First names of the customers of the demo data.';
revoke execute on function zava.seed_first_names() from public;
