//! `#[derive(Tree)]`: a struct that is generic over its leaf becomes a structured point.
//!
//! For `struct Mlp<L> { layers: Vec<Linear<L>>, activation: Activation }` it implements `Tree` for `Mlp<L>` where `L` is a
//! tree of floats, with `Traced = Mlp<L::Traced>`, and `Traced` for `Mlp<L>` where `L` is a tree of variables. Fields whose
//! type does not mention the leaf parameter are settings: cloned, and another setting is another trace.

#![forbid(unsafe_code)]

use proc_macro2::{TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, GenericParam, Ident, Index, Member, Type, parse_macro_input};

/// Implements `Tree` (and `Traced`) for a struct that is generic over its leaf; see the trait for what that gives.
///
/// The leaf is the first type parameter of the struct. The crate that derives must have `autodiff_core` or `jetgrad` among
/// its dependencies.
#[proc_macro_derive(Tree)]
pub fn derive_tree(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// A field: how it is accessed, its type, and whether it holds leaves.
struct Field<'a> {
    member: Member,
    ty: &'a Type,
    holds_leaves: bool,
}

fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(name, "Tree can be derived for structs"));
    };
    let leaf =
        input.generics.type_params().next().map(|p| p.ident.clone()).ok_or_else(|| {
            syn::Error::new_spanned(name, "a Tree struct is generic over its leaf: struct Name<L> { … }")
        })?;
    let fields: Vec<Field<'_>> = match &data.fields {
        Fields::Unit => Vec::new(),
        fields => fields
            .iter()
            .enumerate()
            .map(|(i, field)| Field {
                member: field.ident.clone().map_or_else(|| Member::Unnamed(Index::from(i)), Member::Named),
                ty: &field.ty,
                holds_leaves: mentions(&field.ty, &leaf),
            })
            .collect(),
    };
    if !fields.iter().any(|f| f.holds_leaves) {
        return Err(syn::Error::new_spanned(name, format!("no field mentions the leaf parameter {leaf}")));
    }
    if let Some(bound) = bound_on_leaf(&input.generics, &leaf) {
        let message = format!(
            "the leaf {leaf} of a Tree stands for floats and for variables alike: put bounds on the impls that need them"
        );
        return Err(syn::Error::new_spanned(bound, message));
    }
    let krate = core_path();
    let mut generics = input.generics.clone();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            param.default = None;
            if param.ident != leaf {
                // A parameter of a setting: settings are cloned and compared.
                param.bounds.push(syn::parse_quote!(::core::clone::Clone));
                param.bounds.push(syn::parse_quote!(::core::fmt::Debug));
            }
        }
    }
    let (_, _, where_clause) = generics.split_for_impl();
    let params = &generics.params;
    // The struct with another leaf in place of the first type parameter.
    let with_leaf = |new: TokenStream| {
        let args = generics.params.iter().map(|param| match param {
            GenericParam::Type(p) if p.ident == leaf => new.clone(),
            GenericParam::Type(p) => {
                let ident = &p.ident;
                quote!(#ident)
            }
            GenericParam::Lifetime(p) => {
                let lifetime = &p.lifetime;
                quote!(#lifetime)
            }
            GenericParam::Const(p) => {
                let ident = &p.ident;
                quote!(#ident)
            }
        });
        quote!(#name<#(#args),*>)
    };
    let own = with_leaf(quote!(#leaf));
    let traced = with_leaf(quote!(<#leaf as #krate::Tree>::Traced));
    let scalar = format_ident!("__Scalar");
    let numbers = with_leaf(quote!(<#leaf as #krate::Traced>::Numbers<#scalar>));
    let bounds = where_clause.map(|w| &w.predicates).into_iter().flatten().collect::<Vec<_>>();

    // For every field an expression: from leaves, or a clone of the setting.
    let build = |from_leaves: &dyn Fn(&Member, &Type) -> TokenStream| {
        let parts = fields.iter().map(|field| {
            let member = &field.member;
            let value = if field.holds_leaves {
                from_leaves(member, field.ty)
            } else {
                quote!(::core::clone::Clone::clone(&self.#member))
            };
            quote!(#member: #value)
        });
        quote!(#name { #(#parts),* })
    };
    let each = |visit: &dyn Fn(&Member, &Type) -> TokenStream| {
        let parts = fields.iter().filter(|f| f.holds_leaves).map(|f| visit(&f.member, f.ty));
        quote!(#(#parts)*)
    };

    let tree_shapes = fields.iter().map(|field| {
        let member = &field.member;
        if field.holds_leaves {
            quote!(#krate::Tree::shapes(&self.#member, leaves);)
        } else {
            quote!(leaves.setting(&self.#member);)
        }
    });
    let tree_entries = each(&|m, _| quote!(#krate::Tree::entries(&self.#m, entries);));
    let tree_trace = build(&|m, _| quote!(#krate::Tree::trace(&self.#m, leaf)));
    let tree_rebuild = build(&|m, _| quote!(#krate::Tree::rebuild(&self.#m, entries)));
    let variables = each(&|m, _| quote!(#krate::Traced::variables(&self.#m, variables);));
    let map = build(&|m, _| quote!(#krate::Traced::map(&self.#m, leaf)));
    let to_numbers = build(&|m, _| quote!(#krate::Traced::numbers(&self.#m, leaf)));
    let flatten = each(&|m, ty| quote!(<#ty as #krate::Traced>::flatten(&numbers.#m, leaf);));
    Ok(quote! {
        #[automatically_derived]
        impl<#params> #krate::Tree for #own where #leaf: #krate::Tree, #(#bounds),* {
            type Scalar = <#leaf as #krate::Tree>::Scalar;
            type Traced = #traced;
            fn shapes(&self, leaves: &mut #krate::Leaves) { #(#tree_shapes)* }
            fn entries(&self, entries: &mut ::std::vec::Vec<Self::Scalar>) { #tree_entries }
            fn trace(&self, leaf: &mut dyn FnMut() -> #krate::Var) -> Self::Traced { #tree_trace }
            fn rebuild(&self, entries: &mut &[Self::Scalar]) -> Self { #tree_rebuild }
        }

        #[automatically_derived]
        impl<#params> #krate::Traced for #own where #leaf: #krate::Traced, #(#bounds),* {
            type Numbers<#scalar: #krate::Executable> = #numbers;
            fn variables(&self, variables: &mut ::std::vec::Vec<#krate::Var>) { #variables }
            fn map(&self, leaf: &mut dyn FnMut(#krate::Var) -> #krate::Var) -> Self { #map }
            fn numbers<#scalar: #krate::Executable>(
                &self,
                leaf: &mut dyn FnMut() -> #krate::ndarray::ArrayD<#scalar>,
            ) -> Self::Numbers<#scalar> {
                #to_numbers
            }
            fn flatten<#scalar: #krate::Executable>(
                numbers: &Self::Numbers<#scalar>,
                leaf: &mut dyn FnMut(&#krate::ndarray::ArrayRef<#scalar, #krate::ndarray::IxDyn>),
            ) {
                #flatten
            }
        }
    })
}

/// A bound on the leaf parameter, where it is declared or in the where clause.
fn bound_on_leaf(generics: &syn::Generics, leaf: &Ident) -> Option<TokenStream> {
    let declared = generics.type_params().find(|p| p.ident == *leaf).filter(|p| !p.bounds.is_empty());
    let clause = generics.where_clause.iter().flat_map(|w| &w.predicates).find(|p| mentions(p, leaf));
    declared.map(|p| quote!(#p)).or_else(|| clause.map(|p| quote!(#p)))
}

/// Whether some syntax mentions the parameter.
fn mentions(syntax: &impl quote::ToTokens, parameter: &Ident) -> bool {
    fn any(stream: TokenStream, parameter: &Ident) -> bool {
        stream.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *parameter,
            TokenTree::Group(group) => any(group.stream(), parameter),
            _ => false,
        })
    }
    any(quote!(#syntax), parameter)
}

/// Path of the core crate as the deriving crate knows it: the facade re-exports it.
fn core_path() -> TokenStream {
    use proc_macro_crate::{FoundCrate, crate_name};
    let path = |found: FoundCrate, tail: TokenStream| match found {
        FoundCrate::Itself => quote!(::autodiff_core),
        FoundCrate::Name(name) => {
            let name = format_ident!("{name}");
            quote!(::#name #tail)
        }
    };
    crate_name("autodiff-core")
        .map(|found| path(found, quote!()))
        .or_else(|_| {
            crate_name("jetgrad").map(|found| match found {
                FoundCrate::Itself => quote!(::jetgrad::autodiff_core),
                found => path(found, quote!(::autodiff_core)),
            })
        })
        .unwrap_or_else(|_| quote!(::autodiff_core))
}
