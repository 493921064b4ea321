-- zava.seed_last_names(): last names of invented customers, some beyond ASCII.
create or replace function zava.seed_last_names()
returns text[]
language sql
immutable
parallel safe
security invoker
begin atomic
    select array[
        'Abbott', 'Adeyemi', 'Ågren', 'Ahmadi', 'Álvarez', 'Andersen', 'Baker', 'Banerjee',
        'Beauchêne', 'Begay', 'Björklund', 'Brooks', 'Cano', 'Carter', 'Castañeda', 'Chavez',
        'Chen', 'Cho', 'Côté', 'Dávila', 'Dubois', 'Dvořák', 'Edwards', 'Ekström', 'Eriksen',
        'Farah', 'Fernández', 'Fischer', 'Fitzgerald', 'Foster', 'García', 'Gauthier', 'Gonzales',
        'Greene', 'Gupta', 'Gutiérrez', 'Haddad', 'Hansen', 'Hernández', 'Hoang', 'Horvat',
        'Hughes', 'Ibáñez', 'Ito', 'Jackson', 'Janssen', 'Jensen', 'Jiménez', 'Johansson',
        'Kahananui', 'Kaur', 'Kelly', 'Kim', 'Kowalski', 'Kwon', 'Larsen', 'Lee', 'Léger', 'Lopez',
        'Łukasik', 'MacLeod', 'Mbeki', 'Mendoza', 'Mitchell', 'Müller', 'Muñoz', 'Murphy',
        'Nakamura', 'Ndiaye', 'Nguyen', 'Novák', 'Nuñez', 'O''Brien', 'Okafor', 'Olsen',
        'Østergaard', 'Park', 'Patel', 'Peña', 'Pérez', 'Pham', 'Quintana', 'Ramírez', 'Reyes',
        'Robinson', 'Rossi', 'Sánchez', 'Sato', 'Schäfer', 'Silva', 'Singh', 'Šimić', 'Sullivan',
        'Tanaka', 'Torres', 'Tran', 'Vargas', 'Walker', 'Wójcik', 'Wong', 'Yamamoto', 'Yıldız',
        'Young', 'Zhang', 'Zúñiga'
    ];
end;

comment on function zava.seed_last_names() is 'Last names of the customers of the demo data.';
revoke execute on function zava.seed_last_names() from public;
